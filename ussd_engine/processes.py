"""Run several processes as one: ordered start, readiness, output with names, restart, orderly stop.

`ussd dev` runs the web server and the service's own processes with it. (Equal web servers on one port are
another matter: see workers.py.) Rules:

1. A program that ends before it was ready stops everything, with its exit code said. After that, one that
   ends is started again, later each time.
2. SIGTERM, SIGINT or SIGHUP asks all to finish; those that have not after `stop_s` are killed with their
   whole process group. A second signal kills at once.
3. Each child is told by the kernel when we die (see launch.py), so that nothing stays behind.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ussd_engine.errors import UssdError
from ussd_engine.launch import ending_with_us

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 10.0
STEADY_S = 10.0  # one that ran this long starts again without delay
POLL_S = 0.05
LAST_WORDS_S = 1.0
LONGEST_LINE = 64 * 1024
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

Say = Callable[[str, str], None]


@dataclass(slots=True, frozen=True)
class Program:
    """What to run. ready is asked until it says yes; without one, started is ready."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], Awaitable[bool]] | None = None
    start_s: float = 60.0


def ussd(*arguments: str) -> list[str]:
    """The command line of another `ussd`, with this Python."""
    return [sys.executable, "-m", "ussd_engine.cli", *arguments]


class Supervisor:
    """Keeps programs running until a signal. say gets each line of output; without it they share ours."""

    def __init__(self, programs: Sequence[Program], *, stop_s: float, say: Say | None = None) -> None:
        self._say = say
        self._stop_s = stop_s
        self._stopping = asyncio.Event()
        self._kept = [_Kept(program, self._stopping, say) for program in programs]

    async def run(self, started: Callable[[], Awaitable[None]] | None = None) -> None:
        """Start all in order, call started, and return when all have ended after a signal."""
        with self._signals():
            try:
                for kept in self._kept:
                    kept.start()
                    await kept.until_ready()
                if started is not None and not self._stopping.is_set():
                    await started()
                await self._until_signal()
            finally:
                self._stopping.set()
                await self._end_all()

    def stop(self) -> None:
        """Ask all to finish; asked again, kill."""
        if self._stopping.is_set():
            for kept in self._kept:
                kept.kill()
        self._stopping.set()

    async def _until_signal(self) -> None:
        signalled = asyncio.create_task(self._stopping.wait())
        keeping = {kept.task for kept in self._kept if kept.task is not None}
        done, _ = await asyncio.wait({signalled, *keeping}, return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        for task in done & keeping:  # none ends before the signal but by an error of ours
            await task

    async def _end_all(self) -> None:
        for kept in reversed(self._kept):
            kept.ask_to_stop()
        running = [kept.task for kept in self._kept if kept.task is not None]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=self._stop_s)
        if late:
            for kept in self._kept:
                kept.kill()
            await asyncio.wait(late)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)


class _Kept:
    """One program and the task that keeps it running."""

    def __init__(self, program: Program, stopping: asyncio.Event, say: Say | None) -> None:
        self.program = program
        self.task: asyncio.Task[None] | None = None
        self._stopping = stopping
        self._say = say
        self._ready = False
        self._process: asyncio.subprocess.Process | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self._keep(), name=self.program.name)

    async def until_ready(self) -> None:
        """Raises UssdError when it ends, or takes too long, before it is ready."""
        assert self.task is not None
        if self.program.ready is not None:
            deadline = asyncio.get_running_loop().time() + self.program.start_s
            while not self._stopping.is_set() and not await self.program.ready():
                if self.task.done():
                    await self.task
                if asyncio.get_running_loop().time() > deadline:
                    raise UssdError(f"{self.program.name} was not ready after {self.program.start_s:.0f} s.")
                await asyncio.sleep(POLL_S)
        self._ready = True

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    def kill(self) -> None:
        """Kill it and whatever it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        delay = FIRST_DELAY_S
        while not self._stopping.is_set():
            began = loop.time()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            if self.program.ready is not None and not self._ready:
                raise UssdError(f"{self.program.name} did not start: it {how_it_ended(code)}.")
            delay = FIRST_DELAY_S if loop.time() - began > STEADY_S else delay
            self._tell(f"{how_it_ended(code)}; starting again in {delay:.1f} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            delay = min(2 * delay, LONGEST_DELAY_S)

    async def _run_once(self) -> int:
        output = _Output(self.program.name, self._say) if self._say is not None else None
        self._process = await asyncio.create_subprocess_exec(
            *ending_with_us(signal.SIGTERM),
            *self.program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output.end if output is not None else None,
            stderr=asyncio.subprocess.STDOUT if output is not None else None,
            start_new_session=True,
            env={**os.environ, **self.program.environment},
        )
        reading = asyncio.create_task(output.pass_on()) if output is not None else None
        if self._stopping.is_set():  # the signal came while it was starting
            self.ask_to_stop()
        code = await self._process.wait()
        self.kill()  # what it may have left in its group, which would also hold the pipe
        if reading is not None:
            await asyncio.wait({reading}, timeout=LAST_WORDS_S)
            reading.cancel()  # something of it lives on in a session of its own, and holds the pipe
        return code

    def _tell(self, what: str) -> None:
        if self._say is not None:
            self._say(self.program.name, what)
        else:
            print(f"{self.program.name} {what}", file=sys.stderr, flush=True)


class _Output:
    """The pipe a program writes to; each line goes to say.

    Our own, because before Python 3.12 `Process.wait` of a program with asyncio's pipe also waits for
    everybody else who holds it, such as a child it left behind.
    """

    def __init__(self, name: str, say: Say) -> None:
        self._name = name
        self._say = say
        self._read, self.end = os.pipe()

    async def pass_on(self) -> None:
        """Until the program, and all it started, have closed their end."""
        os.close(self.end)  # the program has its own by now
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._read, "rb", 0)
        )
        rest = b""
        try:
            while chunk := await reader.read(LONGEST_LINE):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._say(self._name, line.decode(errors="replace"))
        finally:
            transport.close()
        if rest:
            self._say(self._name, rest.decode(errors="replace"))


def how_it_ended(code: int) -> str:
    """An exit code in words, to come after the program's name."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def printer(names: Sequence[str]) -> Say:
    """Print each line behind the padded name of its program, in colour on a terminal."""
    width = max(map(len, names), default=0)
    colours = {name: 36 - index % 5 for index, name in enumerate(names)}
    coloured = sys.stdout.isatty()

    def say(name: str, line: str) -> None:
        label = f"{name:{width}} |"
        if coloured:
            label = f"\x1b[{colours.get(name, 36)}m{label}\x1b[0m"
        print(label, line, flush=True)

    return say


def require_free_port(host: str, port: int, option: str = "--port {}") -> None:
    """Raise UssdError when something listens there. (Who shares a port would not notice.)

    option: how to name another port, as whoever started this would write it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # what lingers of the last run is no owner
        try:
            probe.bind((host, port))
        except OSError as error:
            other = (
                "" if isinstance(error, socket.gaierror) else f" Choose another: {option.format(port + 1)}"
            )
            raise UssdError(f"Cannot listen on {host} port {port}: {error.strerror}.{other}") from None


async def answers_ok(host: str, port: int, path: str) -> bool:
    """Whether an HTTP GET is answered with 200."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]
