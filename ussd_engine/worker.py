"""One process in a place among several web servers, as its supervisor holds it: from its start to its end."""

import asyncio
import contextlib
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence

import orjson

from ussd_engine.errors import UssdError
from ussd_engine.launch import ending_with_us
from ussd_engine.observe.usage import Usage, usage_of
from ussd_engine.place import GO, Offer
from ussd_engine.processes import how_it_ended

START_S = 60.0

# What to run in a place.
Command = Callable[[Offer], Sequence[str]]


class Slot:
    """A place as the supervisor holds it: its number, its sockets, and who serves there."""

    def __init__(self, number: int, sockets: Sequence[socket.socket]) -> None:
        self.number = number
        self.sockets = sockets
        self.worker: Worker | None = None
        self.failures = 0  # how often in a row one ended soon after its start


class Worker:
    """One process. Start it with `Worker.start`."""

    def __init__(
        self, slot: Slot, name: str, process: asyncio.subprocess.Process, ours: socket.socket
    ) -> None:
        self.slot = slot
        self.name = name
        self.process = process
        self.began = time.monotonic()
        self.leaving = False
        self.fresh_rss = 0  # when it began to serve; 0: not yet, or not known
        self.spared = False  # above its limit, and not replaced: the next would be too
        self.cpu_s = 0.0
        self._channel = ours
        self._gone_by = math.inf

    @classmethod
    async def start(cls, slot: Slot, name: str, command: Command, metrics: str, core: int | None) -> "Worker":
        """Start a process in this place. It serves nobody yet. Raises UssdError."""
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise UssdError(f"web {slot.number} cannot be started: {error.strerror}") from None
        ours.setblocking(False)
        listen = [held.fileno() for held in slot.sockets]
        offer = Offer(slot.number, listen, theirs.fileno(), core, metrics)
        environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        try:
            process = await asyncio.create_subprocess_exec(
                *ending_with_us(signal.SIGTERM),
                *command(offer),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[*listen, theirs.fileno()],
                start_new_session=True,
                env=environment,
            )
        except OSError as error:  # no more processes, or no memory for one
            ours.close()
            raise UssdError(f"web {slot.number} cannot be started: {error.strerror}") from None
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(slot, name, process, ours)

    def __str__(self) -> str:
        return f"web {self.slot.number}"

    async def until_ready(self) -> dict[str, str]:
        """Its problems, once everything is loaded. Raises UssdError when it ends, or takes too long."""
        try:
            async with asyncio.timeout(START_S):
                said = await self._line()
        except TimeoutError:
            self._channel.close()
            raise UssdError(f"{self} was not ready after {START_S:.0f} s.") from None
        except BaseException:
            self._channel.close()
            raise
        problems: dict[str, str] = orjson.loads(said)["problems"]
        return problems

    async def _line(self) -> bytes:
        said = b""
        while not said.endswith(b"\n"):
            more = await asyncio.get_running_loop().sock_recv(self._channel, 65536)
            if not more:
                self.require_alive(await self.process.wait())
            said += more
        return said

    def require_alive(self, code: int | None) -> None:
        """Raise UssdError when it has ended. code: its exit code."""
        if code is not None:
            raise UssdError(f"{self} did not start: it {how_it_ended(code)}.")

    def serve(self) -> None:
        """Let it take callers."""
        self.slot.worker = self
        with contextlib.suppress(OSError):  # it died just now: whoever watches it knows
            self._channel.send(GO)
        self._channel.close()
        usage = self.usage()
        self.fresh_rss = usage.rss if usage is not None else 0

    def retire(self, patience_s: float) -> None:
        """A successor has its place: it is to finish with its callers."""
        self._leave(signal.SIGHUP, patience_s)

    def stop(self, patience_s: float) -> None:
        """It is to finish the turns under way and end."""
        self._channel.close()
        self._leave(signal.SIGTERM, patience_s)

    def kill(self) -> None:
        """End it, and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    @property
    def overdue(self) -> bool:
        """Whether it was to be gone by now."""
        return time.monotonic() > self._gone_by

    async def ended(self) -> int:
        """Its exit code, with nothing of it left behind."""
        code = await self.process.wait()
        self.kill()
        return code

    @property
    def state(self) -> str:
        """What it does: starting, serving, leaving."""
        if self.leaving:
            return "leaving"
        return "serving" if self.slot.worker is self else "starting"

    def usage(self) -> Usage | None:
        """What it uses now."""
        return usage_of(self.process.pid) if self.process.returncode is None else None

    def _leave(self, number: signal.Signals, patience_s: float) -> None:
        self.leaving = True
        self._gone_by = time.monotonic() + patience_s
        if self.process.returncode is None:
            self.process.send_signal(number)
