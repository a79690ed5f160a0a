"""The traffic of the bench: whole dialogs, with the exact screen each input must be answered with.

`dialogs.yaml` is written for people; here it becomes the turns a load generator sends. A dialog has its
own session id and its own MSISDN, and sends cumulative text, as Africa's Talking does.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import yaml

FOLDER = Path(__file__).parent
MENUS = FOLDER / "menus"
SERVICE_CODE = "*384*77#"
PATH = "/api/v1/ussd"

SESSION = "ATUid_5f2c7d10a94be368c1d2e3f4"  # 24 hex digits; the dialog's number makes the other eight
PHONE = "+2547"  # and eight digits: each is a number the numbering plan has
WAITING = 2000  # dialogs between two turns, as with people
FORM_HEAD = "sessionId="
FORM_TAIL = f"&networkCode=63902&serviceCode={quote(SERVICE_CODE, safe='')}&text="


@dataclass(slots=True, frozen=True)
class Turn:
    """One request's text (all inputs so far) and the body that must answer it."""

    text: str
    expect: str


Script = tuple[Turn, ...]


@dataclass(slots=True, frozen=True)
class Plan:
    """What a load generator does: where, how long, with what.

    first is the number before the first dialog's: two runs whose numbers do not meet share no session.
    dialogs is how many wait for their phones' next input (the asyncio client has none waiting).
    """

    port: int
    seconds: int
    connections: int
    scripts: tuple[Script, ...]
    first: int = 0
    dialogs: int = WAITING
    host: str = "127.0.0.1"


@dataclass(slots=True, frozen=True)
class Answers:
    """What a load generator counted. Latencies are those at full load: no connection ever pauses.

    wrong counts every reply that is not, byte for byte, what was expected; example is the first one.
    """

    right: int
    wrong: int
    seconds: float
    p50_ms: float
    p99_ms: float
    example: str = ""


@lru_cache
def source() -> dict[str, list[dict[str, str]]]:
    """dialogs.yaml: by name, the turns of a dialog, each with its input and screen."""
    read: dict[str, list[dict[str, str]]] = yaml.safe_load(
        (FOLDER / "dialogs.yaml").read_text(encoding="utf-8")
    )
    return read


@lru_cache
def scripts() -> tuple[Script, ...]:
    """The dialogs of dialogs.yaml as a gateway sends them."""
    return tuple(_script(turns) for turns in source().values())


def answered_with(constant: str) -> tuple[Script, ...]:
    """The same dialogs, for a server that answers everything with one text."""
    return tuple(tuple(replace(turn, expect=constant) for turn in script) for script in scripts())


def head(plan: Plan) -> str:
    """The request up to its Content-Length."""
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: {plan.host}:{plan.port}\r\nUser-Agent: at-gateway\r\nAccept: */*\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
    )


def form_fixed() -> int:
    """Bytes of the form that are the same in every request: all before FORM_TAIL."""
    return len(FORM_HEAD) + len(SESSION) + 8 + len(phone_field()) + 8


def phone_field() -> str:
    """The form's phone field without its last eight digits."""
    return f"&phoneNumber={quote(PHONE, safe='')}"


def _script(turns: list[dict[str, str]]) -> Script:
    inputs = [turn["input"] for turn in turns[1:]]
    return tuple(
        Turn(quote("*".join(inputs[:position]), safe=""), turn["screen"].rstrip("\n"))
        for position, turn in enumerate(turns)
    )
