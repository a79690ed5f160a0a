"""A feature phone and its gateway, without I/O: what to send, and what the answer means.

Theory of operation. A session begins with `dial`. Every later press goes out as all inputs so far,
joined by `*`: that is how Africa's Talking hands them over, so the form of each turn is a function of
the inputs and nothing else. A code dialled past the service code (`*384*89598*1*500#`) puts its rest
(`1*500`) into the first turn. Each of `dial`, `answer`, `retry` and `redial` returns the form to post;
the caller posts it and gives the answer to `receive`. When a session is over, `hang_up` returns the
form of the end-of-session notification.

Rules for changing it: no socket, no clock, no randomness but the session id. The page's handset
(static/handset.js) is this file's twin; tests/phone/vectors.py holds both to the same examples.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from core_ext import text as gsm

DEFAULT_MSISDN = "+254711000001"
DEFAULT_NETWORK = "63902"

# Network codes of Africa's Talking in Kenya (github.com/wondenge/at-notifiers, design/sms.go).
NETWORKS = {
    "63902": "Safaricom",
    "63903": "Airtel",
    "63907": "Telkom",
    "63999": "Equitel",
    "99999": "Sandbox",
}

_CODE = re.compile(r"\*[0-9*]*[0-9]#")


class State(Enum):
    """Where the handset is."""

    IDLE = "idle"
    SENDING = "sending"
    ASKED = "asked"
    ENDED = "ended"
    FAILED = "failed"


class HandsetError(Exception):
    """The phone can't do that now. The message says why."""


@dataclass(slots=True, frozen=True)
class Screen:
    """What the phone shows. problem: why the gateway gave up (developer's words), empty when it did not."""

    text: str
    more: bool
    problem: str = ""

    def fill(self, screen: int = 160) -> str:
        """How much of a screen of so many septets it fills: "77 of 160 septets"."""
        units, is_gsm = gsm.size(self.text)
        name = "septets" if is_gsm else "UCS-2 units"
        return f"{units} of {gsm.capacity(screen, is_gsm)} {name}"


def complete_code(code: str) -> str:
    """The code as dialled: spaces removed, the closing # added. Raises HandsetError when it is none."""
    code = re.sub(r"\s", "", code)
    if not code.endswith("#"):
        code += "#"
    if not _CODE.fullmatch(code):
        raise HandsetError(f"{code} is not a code a phone can dial. It looks like *384*89598#")
    return code


def split_code(dialled: str, service_codes: Iterable[str]) -> tuple[str, str]:
    """The service code, and the text that goes with the first turn.

    The longest service code that the dialled one extends wins; a code nobody knows is sent as it is.
    """
    stem = dialled.removesuffix("#")
    for known in sorted(service_codes, key=len, reverse=True):
        prefix = known.removesuffix("#")
        if stem == prefix:
            return known, ""
        if stem.startswith(prefix + "*"):
            return known, stem[len(prefix) + 1 :]
    return dialled, ""


class Handset:
    """One phone: its number, the codes its gateway knows, and the session it is in."""

    def __init__(
        self,
        msisdn: str = DEFAULT_MSISDN,
        service_codes: Iterable[str] = (),
        network: str = DEFAULT_NETWORK,
    ) -> None:
        self.msisdn = msisdn
        self.network = network
        self.service_codes = tuple(service_codes)
        self.state = State.IDLE
        self.screen: Screen | None = None
        self.dialled = ""
        self.service_code = ""
        self.session_id = ""
        self._inputs: list[str] = []
        self._hops = 0
        self._started: datetime | None = None
        self._notified = True

    @property
    def text(self) -> str:
        """All inputs so far, as the gateway joins them."""
        return "*".join(self._inputs)

    @property
    def form(self) -> dict[str, str]:
        """What the gateway posts for this turn."""
        return {
            "sessionId": self.session_id,
            "phoneNumber": self.msisdn,
            "networkCode": self.network,
            "serviceCode": self.service_code,
            "text": self.text,
        }

    def dial(self, code: str, now: datetime) -> dict[str, str]:
        """Begin a session. Returns the form of its first turn."""
        if self.state in (State.SENDING, State.ASKED):
            raise HandsetError("The phone is in a session. Hang up first.")
        self.dialled = complete_code(code)
        self.service_code, rest = split_code(self.dialled, self.service_codes)
        self.session_id = f"ATUid_{secrets.token_hex(16)}"
        self._inputs = rest.split("*") if rest else []
        self._hops = 1
        self._started = now
        self._notified = False
        return self._send()

    def redial(self, now: datetime) -> dict[str, str]:
        """Dial the last code again, as a new session."""
        if not self.dialled:
            raise HandsetError("Nothing was dialled yet.")
        return self.dial(self.dialled, now)

    def answer(self, reply: str) -> dict[str, str]:
        """Send a reply to the screen. Returns the form of the next turn."""
        if self.state is not State.ASKED:
            raise HandsetError("The phone is not asked for anything.")
        self._inputs.append(reply)
        self._hops += 1
        return self._send()

    def retry(self) -> dict[str, str]:
        """The last turn again, exactly: what a gateway does when an answer got lost."""
        if not self.session_id:
            raise HandsetError("Nothing was sent yet.")
        if self._notified:
            raise HandsetError("This session is over. Dial again.")
        return self._send()

    def receive(self, status: int, body: str) -> Screen:
        """Take the server's answer to the last form."""
        kind, text = body[:4], body[4:]
        if status == 200 and kind == "CON ":
            return self._show(State.ASKED, Screen(text, more=True))
        if status == 200 and kind == "END ":
            return self._show(State.ENDED, Screen(text, more=False))
        said = body.strip().splitlines()[0][:120] if body.strip() else "nothing"
        if status == 200:
            return self.fail(f"an answer must begin with CON or END; it was: {said}")
        return self.fail(f"HTTP {status}: {said}")

    def fail(self, problem: str) -> Screen:
        """No usable answer came: the gateway ends the session. `retry` sends the turn again."""
        return self._show(State.FAILED, Screen("Connection problem or invalid MMI code.", False, problem))

    def hang_up(self, now: datetime) -> dict[str, str] | None:
        """Leave the session. Returns its end-of-session notification; None when there is none to send.

        Called after an END it reports Success, on an open screen Incomplete, after a fault Failed.
        """
        form = None if self._notified else self._notification(now)
        self._notified = True
        self.state = State.IDLE
        return form

    def _send(self) -> dict[str, str]:
        self.state = State.SENDING
        return self.form

    def _show(self, state: State, screen: Screen) -> Screen:
        self.state = state
        self.screen = screen
        return screen

    def _notification(self, now: datetime) -> dict[str, str]:
        """The fields of Africa's Talking's notification of a session's end."""
        status = {State.ENDED: "Success", State.FAILED: "Failed"}.get(self.state, "Incomplete")
        elapsed = now - self._started if self._started else now - now
        return {
            "date": now.strftime("%Y-%m-%d %H:%M:%S"),
            "sessionId": self.session_id,
            "serviceCode": self.service_code,
            "networkCode": self.network,
            "phoneNumber": self.msisdn,
            "status": status,
            "cost": "KES 0.0000",
            "durationInMillis": str(round(elapsed.total_seconds() * 1000)),
            "hopsCount": str(self._hops),
            "input": self.text,
            "lastAppResponse": self.screen.text if self.screen else "",
            "errorMessage": self.screen.problem if self.screen else "",
        }
