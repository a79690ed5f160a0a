"""The gateways that bring the calls, each by its map: how it writes a request, what it hears in an answer.

The maps are the server's own kind (docs/gateways.md), read the other way round: the server reads with
them what is written here. A call begins at Africa's Talking, whose map the engine ships; a mix may name
others. What is not in Kenya's maps is not written here: bodies and answers of JSON, fields in the path,
screens of another size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import ussd_engine.gateways
from loadtests.reading import LoadTestError
from ussd_engine.gateways.loading import load_map
from ussd_engine.gateways.map import GatewayMap, Say, WireField
from ussd_engine.turn import Family

_BODY = {"Content-Type": "application/x-www-form-urlencoded"}
_NOT_FIRST = "no"  # of the field that says whether a request is a session's first


@dataclass(slots=True, frozen=True)
class Press:
    """One request of a phone. text: all that was typed, joined by *; typed: the last of it."""

    session: str
    msisdn: str
    code: str
    text: str
    typed: str
    first: bool


@dataclass(slots=True, frozen=True)
class Gateway:
    """One gateway."""

    map: GatewayMap

    @property
    def name(self) -> str:
        """As in its map."""
        return self.map.gateway

    @property
    def path(self) -> str:
        """Where it sends its requests."""
        return self.map.turn.path

    @property
    def repeats_all(self) -> bool:
        """Whether each request holds all that was typed, and not only the last of it."""
        return self.map.turn.family is Family.CUMULATIVE

    def form(self, press: Press) -> dict[str, str]:
        """The fields of a request."""
        fields, rule = self.map.turn.fields, self.map.turn.first
        text = press.text if self.repeats_all else press.typed
        if press.first and self.map.turn.family is Family.DIALLED:
            text = press.code
        form = {
            **_written(fields.session_id, press.session), **_written(fields.msisdn, f"+{press.msisdn}"),
            **_written(fields.network, next(iter(self.map.networks), "")),
            **_written(fields.service_code, press.code), **_written(fields.text, text),
        }  # fmt: skip
        if rule is not None and rule.values:
            form[rule.field] = rule.values[0] if press.first else _NOT_FIRST
        if rule is not None and rule.same_as and press.first:
            form[rule.field] = form[rule.same_as]
        return form

    def request(self, form: Mapping[str, str]) -> tuple[str, str, str | None, dict[str, str]]:
        """Method, address, body and headers."""
        turn = self.map.turn
        if turn.encoding[0] == "query":
            return turn.method, f"{turn.path}?{urlencode(form)}", None, {}
        return turn.method, turn.path, urlencode(form), _BODY

    def heard(self, body: str, headers: Mapping[str, str]) -> str:
        """An answer as Africa's Talking would have had it: `CON` or `END`, and the screen. One that this
        gateway does not understand is left as it is."""
        for word, say in (("CON", self.map.answer.more), ("END", self.map.answer.end)):
            head, _, tail = (say.text or "").partition("{text}")
            if len(body) < len(head) + len(tail) or not body.startswith(head) or not body.endswith(tail):
                continue
            if all(headers.get(name) == value for name, value in say.headers.items()):
                return f"{word} {body[len(head) : len(body) - len(tail)]}"
        return body


def gateway_of(file: Path) -> Gateway:
    """The gateway of a map. Raises LoadTestError for one that cannot be played, SettingsError for a faulty
    one."""
    if not file.is_file():
        raise LoadTestError(f"there is no map {file}")
    found = load_map(file)
    fault = _fault(found)
    if fault:
        raise LoadTestError(f"the load test cannot play gateway {found.gateway}: {fault}")
    return Gateway(found)


def _fault(found: GatewayMap) -> str:
    """Why it cannot be played; empty when it can."""
    turn, answer = found.turn, found.answer
    screens = [found.screen, *(network.screen for network in found.networks.values())]
    faults = {
        "it has fields in its path": "{" in turn.path,
        "it sends JSON": turn.encoding[0] == "json",
        "its first requests are known by a beginning": turn.first is not None and turn.first.starts_with,
        "its screens are of another size": any(screens),
        "its answers are not a text with {text} in it, and no other name":
            not (_plain(answer.more) and _plain(answer.end)),
        "its answers do not say whether the call goes on": answer.more == answer.end,
    }  # fmt: skip
    return next((fault for fault, found in faults.items() if found), "")


def _plain(say: Say) -> bool:
    before, found, after = (say.text or "").partition("{text}")
    return bool(found) and not any(brace in before + after for brace in "{}")


def _written(field: WireField, value: str) -> dict[str, str]:
    """A value under its name, without what the map writes around it."""
    before, _, after = field.write.partition("{}")
    return {field.name: value.removeprefix(before).removesuffix(after)} if field.name else {}


AFRICASTALKING = gateway_of(Path(ussd_engine.gateways.__file__).with_name("africastalking.yaml"))
