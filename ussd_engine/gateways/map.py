"""A gateway map: what one aggregator sends and wants to hear, as frozen, validated values.

Rules for changing it: a key that a map file may have is a field here, with its meaning in
docs/gateways.md; nothing else reads the YAML. The adapter compiles a map once and trusts it.
"""

import re
from typing import Annotated, Any, Literal, Self

import phonenumbers
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    field_validator,
    model_validator,
)

from ussd_engine.turn import Family

NAME = r"^[a-z][a-z0-9_]{0,31}$"
PATH = r"^/[A-Za-z0-9_./{}-]*$"
TURN_NAMES = ("session_id", "msisdn", "service_code", "network")

Encoding = Literal["form", "json", "query"]
Method = Literal["GET", "POST", "PUT"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _short(key: str) -> BeforeValidator:
    """Let `key: value` be written for `{key: value}`."""
    return BeforeValidator(lambda given: {key: given} if isinstance(given, str) else given)


def _seconds(given: Any) -> Any:
    if isinstance(given, str) and re.fullmatch(r"\d+(\.\d+)?s", given):
        return float(given[:-1])
    raise ValueError("write seconds, like 8s")


class WireField(_Part):
    """Where a value is found. name is dotted for nested JSON; without a name it is always the default.

    write puts the value into a pattern: "*{}#" makes the service code *384# of 384.
    """

    name: str | None = None
    default: str | None = None
    write: str = "{}"

    @model_validator(mode="after")
    def _has_source(self) -> Self:
        if self.name is None and self.default is None:
            raise ValueError("needs a name, a default, or both")
        if self.write.count("{}") != 1:
            raise ValueError('write needs {} once, like "*{}#"')
        return self


class Rule(_Part):
    """Whether a request says something: one of values (any case), same_as another field, or a beginning."""

    field: str
    values: tuple[str, ...] = ()
    same_as: str | None = None
    starts_with: str | None = None
    status: str = "Incomplete"  # of the event that an `over` rule makes

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum((bool(self.values), self.same_as is not None, self.starts_with is not None)) != 1:
            raise ValueError("needs exactly one of values, same_as, starts_with")
        return self


NamedField = Annotated[WireField, _short("name")]
NO_FIELD = WireField(default="")


class TurnFields(_Part):
    """The fields of a turn."""

    session_id: NamedField
    msisdn: NamedField
    service_code: NamedField
    network: NamedField = NO_FIELD
    text: NamedField


class EventFields(_Part):
    """The fields of an end-of-session notice."""

    session_id: NamedField
    msisdn: NamedField
    service_code: NamedField = NO_FIELD
    network: NamedField = NO_FIELD
    status: NamedField
    cost: NamedField = NO_FIELD
    duration_ms: NamedField = NO_FIELD
    hops: NamedField = NO_FIELD
    error: NamedField = NO_FIELD


class Route(_Part):
    """Where and how requests arrive. Names in braces in the path are fields like any other."""

    path: str = Field(pattern=PATH)
    method: Method = "POST"
    encoding: tuple[Encoding, ...] = Field(min_length=1)

    @field_validator("encoding", mode="before")
    @classmethod
    def _one_or_more(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _bodies_are_posted(self) -> Self:
        if self.method == "GET" and self.encoding != ("query",):
            raise ValueError("a GET has no body: encoding must be query")
        return self


class TurnRoute(Route):
    """The route of turns."""

    family: Family
    fields: TurnFields
    first: Rule | None = None
    over: Rule | None = None

    @model_validator(mode="after")
    def _first_where_needed(self) -> Self:
        if self.family is not Family.CUMULATIVE and self.first is None:
            raise ValueError(
                f"family {self.family.value} needs first: how a session's first request is known"
            )
        if self.family is Family.CUMULATIVE and self.first is not None:
            raise ValueError("family cumulative knows a first request by its text: remove first")
        return self


class EventRoute(Route):
    """The route of end-of-session notices. statuses: theirs (any case) → Success, Incomplete or Failed."""

    fields: EventFields
    statuses: dict[str, Literal["Success", "Incomplete", "Failed"]]


class Say(_Part):
    """How one kind of answer is written: a text, or a JSON tree, and headers."""

    text: str | None = None
    tree: Any = Field(None, alias="json")
    headers: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if (self.text is None) == (self.tree is None):
            raise ValueError("needs exactly one of text, json")
        for name, value in self.headers.items():
            if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not re.fullmatch(r"[ -~]*", value):
                raise ValueError(f"header {name} cannot be sent")
        return self


class AnswerForm(_Part):
    """How to answer. type is the content type; status the HTTP status of every answer."""

    status: int = Field(200, ge=200, le=299)
    type: str = Field("text/plain; charset=utf-8", pattern=r"^[a-z]+/[ -~]+$")
    more: Annotated[Say, _short("text")] = Field(alias="continue")
    end: Annotated[Say, _short("text")]


class Network(_Part):
    """A mobile network behind the gateway. screen: septets, when it shows fewer than the gateway."""

    name: str = Field(pattern=NAME)
    screen: int = Field(0, ge=0, le=182)


class Numbers(_Part):
    """How phone numbers are read. plain: digits (without +) that need no further parsing."""

    country: str
    plain: re.Pattern[str] | None = None

    @field_validator("country")
    @classmethod
    def _known_country(cls, given: str) -> str:
        if given not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"{given} is not a country code of two capitals, like KE")
        return given


class GatewayMap(_Part):
    """One gateway."""

    gateway: str = Field(pattern=NAME)
    turn: TurnRoute
    answer: AnswerForm
    event: EventRoute | None = None
    screen: int = Field(0, ge=0, le=182)
    deadline: Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=60)]
    text_max: int = Field(512, ge=1, le=4096)
    networks: dict[str, Annotated[Network, _short("name")]] = {}
    numbers: Numbers
    callers: tuple[IPvAnyNetwork, ...] = ()
