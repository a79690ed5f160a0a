"""What a request means for the session that is there: begin, go on, answer again, wait, or rebuild.

Pure functions over the session record and the turn. With cumulative text the new input is whatever
follows the text already used; so an input may hold `*`, and a wrong answer shifts nothing. Only when
there is no session to compare with is the text split at each `*`.
"""

import enum
from collections.abc import Callable
from typing import NamedTuple

from ussd_engine.sessions import Session
from ussd_engine.turn import Family, Turn

_SINGLE_FROM = 10_000  # past any position in a dialled string, so that no two inputs share one


class Kind(enum.Enum):
    """What to do with a request."""

    DIAL = "dial"  # a new session; inputs may follow in the dialled string
    GO_ON = "go on"  # the next input of this session
    AGAIN = "again"  # seen before: the stored reply
    WAIT = "wait"  # being worked on by another request
    UNKNOWN = "unknown"  # inputs, but no session of theirs: a lost session or a direct dial


class Arrival(NamedTuple):
    """The kind, and the inputs to feed, each with its position: the key of what it will do.

    A position is the length of cumulative text up to and with the input, else the number of the turn:
    the same input has the same position however its requests are grouped.
    """

    kind: Kind
    inputs: tuple[tuple[int, str], ...] = ()


def arrival(
    turn: Turn, session: Session | None, digest: Callable[[str], str], now_ms: int, *, raced: bool = False
) -> Arrival:
    """Understand one request. digest is the keyed digest sessions are stored with. raced: another request
    of this session was answered while this one waited or was worked on."""
    ours = session is not None and session.session_id == turn.session_id and session.gateway == turn.gateway
    if ours:
        assert session is not None
        if session.claim is not None and session.claim.until_ms > now_ms:
            return Arrival(Kind.WAIT)
        if session.turn == 0:  # claimed by a start that died: nothing was answered yet
            ours = False
    if turn.family is Family.CUMULATIVE:
        return _cumulative(turn, session if ours else None, digest)
    if raced and ours and session is not None and digest(turn.text) == session.digest:
        return Arrival(Kind.AGAIN)  # with a single input only its time tells a copy from a second press
    return _single(turn, session if ours else None)


def _cumulative(turn: Turn, session: Session | None, digest: Callable[[str], str]) -> Arrival:
    text = turn.text
    if session is None:
        return Arrival(Kind.UNKNOWN, split(text)) if text else Arrival(Kind.DIAL)
    used = session.consumed
    if not text and used and not session.more:
        return Arrival(Kind.DIAL)  # a gateway that uses a session id again
    if not session.more or len(text) < used or (len(text) == used and digest(text) == session.digest):
        return Arrival(Kind.AGAIN)
    if used == 0:
        return Arrival(Kind.GO_ON, ((len(text), text),))
    if text[used : used + 1] == "*" and digest(text[:used]) == session.digest:
        return Arrival(Kind.GO_ON, ((len(text), text[used + 1 :]),))
    return Arrival(Kind.UNKNOWN, split(text))


def _single(turn: Turn, session: Session | None) -> Arrival:
    """The last input only. A first turn may carry the dialled string: `*384*89598*1*500#`."""
    if turn.first:
        if session is not None and session.turn == 1 and session.more:
            return Arrival(Kind.AGAIN)
        return Arrival(Kind.DIAL, split(dialled_inputs(turn)))
    if session is None:
        return Arrival(Kind.DIAL)
    if not session.more:  # as with a session that ended late: its state may still be one with an effect
        return Arrival(Kind.AGAIN)
    return Arrival(Kind.GO_ON, ((_SINGLE_FROM + session.turn, turn.text),))


def dialled_inputs(turn: Turn) -> str:
    """What follows the service code in a dialled string, without the `#`; empty for the plain code."""
    if turn.family is not Family.DIALLED:
        return ""
    code = turn.service_code.rstrip("#")
    rest = turn.text.rstrip("#")
    return rest[len(code) + 1 :] if rest.startswith(code + "*") else ""


def split(text: str) -> tuple[tuple[int, str], ...]:
    """Cumulative text cut at each `*`, each input with its position."""
    inputs: list[tuple[int, str]] = []
    position = -1
    for part in text.split("*") if text else ():
        position += 1 + len(part)
        inputs.append((position, part))
    return tuple(inputs)
