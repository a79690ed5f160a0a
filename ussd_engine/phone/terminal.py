"""`ussd try`: a phone in the terminal.

For a person it is a small feature phone (see tui.py). For a pipe, for CI, with `--lines`, or without
textual it is lines: each line of input is one reply, each screen is printed as the phone shows it.

    printf '1\\n500\\n' | ussd try --url http://127.0.0.1:8000 --lines

A line that begins with `/` is a command (`//x` sends `/x`). What is typed is never printed again: it may
be a PIN. `run` returns the exit code: 0 all was answered, 1 the dialog took another way (an answer was
no answer, or lines were left when the session ended), 2 there was nothing to talk to.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from ussd_engine.errors import UssdError
from ussd_engine.phone.gateway import Call, PhoneError, connect
from ussd_engine.phone.handset import DEFAULT_MSISDN, HandsetError, Screen, State

OK, UNEXPECTED, NO_SERVER = 0, 1, 2

HELP = """\
/retry      send the last turn again, as a gateway does
/hang       hang up
/redial     hang up and dial again
/dial CODE  hang up and dial a code
/quit       hang up and leave
//x         send /x"""


def run(url: str | None, phone: str | None = None, code: str | None = None, lines: bool = False) -> int:
    """Be a phone on the server at `url`, or on a private one when there is none. Returns the exit code."""
    try:
        with _server(url) as base_url:
            return asyncio.run(_talk(base_url, phone or DEFAULT_MSISDN, code, lines))
    except UssdError as error:
        print(f"ussd: {error}", file=sys.stderr)
        return NO_SERVER
    except KeyboardInterrupt:
        return OK


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    """The given server, or a private one with empty data that is gone afterwards."""
    if url is not None:
        yield url if "://" in url else f"http://{url}"
        return
    from ussd_engine.dev import private_server  # noqa: PLC0415 — it brings PostgreSQL; not needed for a url

    print("Starting a private server; its data is gone when you leave ...", file=sys.stderr)
    with private_server() as private:
        yield private


async def _talk(url: str, phone: str, code: str | None, lines: bool) -> int:
    async with await connect(url, phone) as call:
        code = code or _only_code(call, url)
        if lines or not sys.stdin.isatty() or not sys.stdout.isatty():
            return await Lines(call, sys.stdin, sys.stdout).talk(code)
        try:
            from ussd_engine.phone.tui import PhoneApp  # noqa: PLC0415 — textual is an extra
        except ModuleNotFoundError:
            print("For the phone on the screen: pip install 'umoja-ussd[phone]'\n", file=sys.stderr)
            return await Lines(call, sys.stdin, sys.stdout).talk(code)
        await PhoneApp(call, code).run_async()
        return OK


def _only_code(call: Call, url: str) -> str:
    services = call.directory.services
    if not services:
        raise PhoneError(f"{url} does not list its codes. Say which to dial: --code '*384*89598#'")
    return services[0].code


class Lines:
    """The phone as lines, over any pair of text streams."""

    def __init__(self, call: Call, source: TextIO, target: TextIO) -> None:
        self.call = call
        self._source = source
        self._target = target
        self._prompt = "> " if source.isatty() else ""

    async def talk(self, code: str) -> int:
        """Dial, then send each line until the input ends."""
        try:
            if not self._show(await self.call.dial(code)):
                return UNEXPECTED
            while (line := await self._read()) is not None:
                if line == "/quit":
                    return OK
                if not await self._say(line):
                    return UNEXPECTED
        except HandsetError as error:
            self._print(str(error))
            return UNEXPECTED
        return OK

    async def _say(self, line: str) -> bool:
        """Carry out one line. False when a script should stop here."""
        if line.startswith("//"):
            return await self._reply(line[1:])
        if line.startswith("/"):
            return await self._command(line)
        return await self._reply(line)

    async def _reply(self, text: str) -> bool:
        if self.call.handset.state is not State.ASKED:
            if not self._prompt:
                self._print("[the session is over, but there was more to send]")
                return False
            return self._show(await self.call.redial()) or True
        return self._show(await self.call.answer(text))

    async def _command(self, line: str) -> bool:
        word, _, rest = line.partition(" ")
        match word:
            case "/retry":
                return self._show(await self.call.retry())
            case "/redial":
                return self._show(await self.call.redial())
            case "/dial":
                return self._show(await self.call.dial(rest))
            case "/hang":
                await self.call.hang_up()
                self._print("[hung up]")
                return True
            case _:
                self._print(HELP)
                return bool(self._prompt) or word == "/help"

    def _show(self, screen: Screen) -> bool:
        """Print a screen. False when it is no usable answer and nobody is there to try again."""
        self._print(screen.text)
        if screen.problem:
            self._print(f"[{screen.problem}]")
            return bool(self._prompt)
        ended = "" if screen.more else ", session over"
        self._print(f"[{self.call.fill}{ended}, {self.call.latency_ms:.0f} ms]")
        if not screen.more and self._prompt:
            self._print("[Enter dials again, /quit leaves]")
        return True

    async def _read(self) -> str | None:
        """The next line, or None at the end of the input."""
        if self._prompt:
            self._target.write(self._prompt)
            self._target.flush()
        line = await asyncio.to_thread(self._source.readline)
        return line.rstrip("\r\n") if line else None

    def _print(self, text: str) -> None:
        self._target.write(f"{text}\n")
        self._target.flush()
