"""A handset on the air: posts its forms to a server as Africa's Talking does.

The gateway waits 10 s for a connection and 15 s for an answer (help.africastalking.com 1284071); what
comes later is a failed turn, here as there.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

from ussd_engine.errors import UssdError
from ussd_engine.phone.handset import Handset, Screen

USSD_PATH = "/api/v1/ussd"
ENDED_PATH = "/api/v1/ussd/events"
SERVICES_PATH = "/phone/services"

_TIMEOUT = httpx.Timeout(15.0, connect=10.0)


class PhoneError(UssdError):
    """The phone can't reach a server, or does not know what to dial."""


@dataclass(slots=True, frozen=True)
class ServiceCode:
    """A code somebody answers, the name of the service behind it, and its screen in septets."""

    code: str
    service: str
    screen: int = 160


@dataclass(slots=True, frozen=True)
class Directory:
    """What a development server tells a phone: the codes it answers and where to post."""

    services: tuple[ServiceCode, ...] = ()
    ussd: str = USSD_PATH
    ended: str = ENDED_PATH

    def as_json(self) -> dict[str, Any]:
        """The body of GET /phone/services."""
        return {
            "ussd": self.ussd,
            "ended": self.ended,
            "services": [
                {"code": known.code, "service": known.service, "screen": known.screen}
                for known in self.services
            ],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote."""
        services = (ServiceCode(row["code"], row["service"], row["screen"]) for row in body["services"])
        return cls(tuple(services), body["ussd"], body["ended"])

    def screen_of(self, service_code: str) -> int:
        """Septets a screen of that service holds."""
        return next((known.screen for known in self.services if known.code == service_code), 160)


@dataclass(slots=True)
class Call:
    """A handset and the line to its server. Use it in an `async with`: it hangs up at the end."""

    handset: Handset
    client: httpx.AsyncClient
    directory: Directory = field(default_factory=Directory)
    latency_ms: float = 0.0

    async def dial(self, code: str) -> Screen:
        """Hang up if need be, and dial."""
        await self.hang_up()
        return await self._post(self.handset.dial(code, datetime.now(UTC)))

    async def redial(self) -> Screen:
        """Hang up if need be, and dial the last code again."""
        await self.hang_up()
        return await self._post(self.handset.redial(datetime.now(UTC)))

    async def answer(self, reply: str) -> Screen:
        """Send a reply."""
        return await self._post(self.handset.answer(reply))

    async def retry(self) -> Screen:
        """Send the last turn again, byte for byte."""
        return await self._post(self.handset.retry())

    async def hang_up(self) -> None:
        """Leave the session, and tell the server so. A server that is gone is not told."""
        form = self.handset.hang_up(datetime.now(UTC))
        if form is None:
            return
        try:
            await self.client.post(self.directory.ended, data=form)
        except httpx.HTTPError:
            return

    @property
    def fill(self) -> str:
        """How full the screen is, in the words of Screen.fill; empty without a screen."""
        screen = self.handset.screen
        return screen.fill(self.directory.screen_of(self.handset.service_code)) if screen else ""

    async def _post(self, form: dict[str, str]) -> Screen:
        began = time.perf_counter()
        try:
            answer = await self.client.post(self.directory.ussd, data=form)
        except httpx.TimeoutException:
            return self.handset.fail("no answer within the gateway's 15 seconds")
        except httpx.HTTPError as error:
            return self.handset.fail(f"the server can't be reached: {error}")
        self.latency_ms = (time.perf_counter() - began) * 1000
        return self.handset.receive(answer.status_code, answer.text)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.hang_up()
        await self.client.aclose()


async def connect(url: str, msisdn: str, client: httpx.AsyncClient | None = None) -> Call:
    """A phone on the server at `url`, knowing the codes that server answers.

    A server that is not in development keeps no directory; the phone then needs the exact code.
    Raises PhoneError when nothing answers there.
    """
    client = client or httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, trust_env=False)
    try:
        answer = await client.get(SERVICES_PATH)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        await client.aclose()
        raise PhoneError(f"Nothing answers at {url} ({error}). Start a server with: ussd dev") from error
    directory = Directory.from_json(answer.json()) if answer.status_code == 200 else Directory()
    codes = tuple(known.code for known in directory.services)
    return Call(Handset(msisdn, codes), client, directory)
