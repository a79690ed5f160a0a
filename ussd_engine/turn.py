"""Turn in, Reply out: the only words gateways and the engine share.

Nothing past a gateway adapter knows a wire format. A family says how a gateway hands over input:
all inputs so far joined by `*` (CUMULATIVE), the last input with a first-turn flag (FLAGGED), or the
last input where the first carries the dialled string (DIALLED).
"""

import enum
from dataclasses import dataclass
from typing import NamedTuple


class Family(enum.Enum):
    """How a gateway hands over what the phone typed."""

    CUMULATIVE = "cumulative"
    FLAGGED = "flagged"
    DIALLED = "dialled"


class Turn(NamedTuple):
    """One request of a gateway, understood.

    msisdn is E.164 digits without the plus. text is as the family says. first is only for FLAGGED
    and DIALLED: this request begins the session. deadline_s is how long the gateway waits for us. echo
    holds what its answers must repeat (field, value); only its adapter reads it.

    A named tuple, for it is made in every turn: a frozen dataclass takes 0.8 µs longer.
    """

    gateway: str
    session_id: str
    msisdn: str
    service_code: str
    network: str
    text: str
    family: Family
    first: bool = False
    screen: int = 0  # septets the gateway or network shows; 0: as the menu says
    deadline_s: float = 8.0
    echo: tuple[tuple[str, str], ...] = ()


class Reply(NamedTuple):
    """What the phone shows. more: the session goes on and waits for an input."""

    text: str
    more: bool


@dataclass(slots=True, frozen=True)
class SessionEvent:
    """A gateway's notice that a session is over (for the funnel; it changes no session)."""

    gateway: str
    session_id: str
    msisdn: str
    service_code: str
    network: str
    status: str
    cost: str = ""
    duration_ms: int = 0
    hops: int = 0
    error: str = ""
