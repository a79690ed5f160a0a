"""`ussd serve --workers N` as an operator runs it, and callers who notice every answer that is missing."""

import asyncio
import itertools
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from loadtests.bench.processes import free_port
from tests.server.wire import FORM, Answer, ask, form, post, read_answer

MENU = """\
service: desk
codes: ["*123#"]
languages: [en]
start: main
states:
  main:
    menu: "Desk"
    options:
      - {en: Leave, to: bye}
  bye: {end: "Bye"}
"""
SCREEN = "CON Desk\n1. Leave"
GET_PAGE = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
PAUSE_S = 0.003  # of a caller: new workers have to start beside them, on the same few cores
_numbers = itertools.count(1)


class Served:
    """A supervisor that runs, and what it and its workers log."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self.folder = folder
        self.lines: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    def send(self, number: signal.Signals) -> int:
        """A signal to the supervisor. The number of log lines there were before."""
        self.process.send_signal(number)
        return len(self.lines)

    async def line(self, event: str, since: int = 0, times: int = 1) -> dict[str, Any]:
        """The log line of this event; waited for."""
        async with asyncio.timeout(60), self._news:
            while len(found := [line for line in self.lines[since:] if line["event"] == event]) < times:
                await self._news.wait()
        return found[times - 1]

    async def reload(self) -> None:
        """Ask for new workers and wait until they serve."""
        await self.line("reloaded", self.send(signal.SIGHUP))

    async def pids(self) -> set[int]:
        """The processes that serve, as SIGUSR1 has them told."""
        before = self.send(signal.SIGUSR1)
        await self.line("supervisor", before)
        told = [line for line in self.lines[before:] if line["event"] == "worker"]
        return {line["pid"] for line in told if line["state"] == "serving"}

    async def page(self) -> str:
        """The metrics, from whichever worker."""
        return (await ask(self.port, GET_PAGE)).body

    def settings(self, **changes: str) -> None:
        """Write `.env`."""
        write_settings(self.folder, **changes)

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            with suppress(orjson.JSONDecodeError):
                async with self._news:
                    self.lines.append(orjson.loads(line))
                    self._news.notify_all()


def write_settings(folder: Path, **changes: str) -> None:
    """What can be read anew at a reload is in a file, and not in the supervisor's environment."""
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in changes.items()))


@asynccontextmanager
async def serving(folder: Path, redis_url: str, *options: str) -> AsyncIterator[Served]:
    """Two workers on a free port, with settings of their own in the folder."""
    desk = folder / "menus" / "desk"
    desk.mkdir(parents=True)
    (desk / "service.yaml").write_text(MENU)
    write_settings(folder, REDIS_URL=redis_url)
    port = free_port()
    names = ("REDIS_URL", "MAX_BODY", "MAX_WORKER_MB", "PIN_WORKERS", "LOG_LEVEL", "MENUS_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ussd_engine.cli", "serve", "--port", str(port), "--workers", "2", *options],
        cwd=folder, env=environment | {"ENV": "test", "DATABASE_URL": ""}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    served = Served(process, port, folder)
    try:
        await served.line("supervisor")
        yield served
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            raise
    assert process.returncode == 0


def dial() -> bytes:
    """A first request of a session that nobody else has."""
    number = next(_numbers)
    return post(form(session=f"ATUid_{number}", phone=f"+2547{number:08}", code="*123#"), media=FORM)


class Connection:
    """A keep-alive connection that is used until the server says goodbye."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read its answer, which must come."""
        self._writer.write(request)
        return await asyncio.wait_for(read_answer(self._reader), 20)

    async def ended(self) -> bool:
        """Whether the server closes now, with nothing more to say."""
        return await asyncio.wait_for(self._reader.read(), 20) == b""

    def close(self) -> None:
        self._writer.close()


class Callers:
    """Phones that call again and again, on new connections and on kept ones, while something happens."""

    def __init__(self, port: int, *, new: int = 6, kept: int = 6) -> None:
        self.answered = 0
        self.goodbyes = 0
        self.wrong: list[str] = []
        self.counted: list[float] = []  # what successive pages say of the turns
        self._port = port
        self._calling = True
        works = [*[self._call_anew] * new, *[self._call_again] * kept, self._read_pages]
        self._tasks = [asyncio.create_task(self._until_stopped(work)) for work in works]

    async def until(self, answered: int) -> None:
        """Wait until so many more turns were answered."""
        wanted = self.answered + answered
        async with asyncio.timeout(60):
            while self.answered < wanted:
                await asyncio.sleep(PAUSE_S)

    async def stop(self) -> None:
        self._calling = False
        await asyncio.gather(*self._tasks)

    async def _until_stopped(self, work: Any) -> None:
        while self._calling:
            try:
                await work()
            except (OSError, EOFError, TimeoutError) as error:
                self.wrong.append(f"{work.__name__}: {error!r}")

    async def _call_anew(self) -> None:
        connection = await Connection.open(self._port)
        try:
            await self._note(await connection.ask(dial()))
        finally:
            connection.close()

    async def _call_again(self) -> None:
        connection = await Connection.open(self._port)
        try:
            while self._calling:
                answer = await connection.ask(dial())
                await self._note(answer)
                if answer.headers.get("Connection", "").lower() == "close":
                    self.goodbyes += 1
                    if not await connection.ended():
                        self.wrong.append("more came after the last answer")
                    return
        finally:
            connection.close()

    async def _read_pages(self) -> None:
        page = (await ask(self._port, GET_PAGE)).body
        self.counted.append(turns_on(page))

    async def _note(self, answer: Answer) -> None:
        if (answer.status, answer.body) == (200, SCREEN):
            self.answered += 1
        else:
            self.wrong.append(f"{answer.status}: {answer.body}")
        await asyncio.sleep(PAUSE_S)


def turns_on(page: str) -> float:
    """How many turns a metrics page tells of."""
    return sum(map(float, re.findall(r"ussd_turns_total\{[^}]*\} (\S+)", page)))
