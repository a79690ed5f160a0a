"""`ussd dev`: everything on this machine, with one command and nothing to install or set up.

Private servers, migrations, the web server and the service's own processes; all end together. The same
in a temporary folder, and only its web server, is what `ussd try` talks to when it has no other.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from ussd_engine.child import tail
from ussd_engine.embedded import Servers
from ussd_engine.errors import UssdError
from ussd_engine.launch import ending_with_us
from ussd_engine.processes import Program, Supervisor, answers_ok, printer, require_free_port, ussd
from ussd_engine.settings import settings

HOST = "127.0.0.1"
STOP_S = 1.5  # with the servers' own time, all is over in less than three
WATCH_S = 0.5
POLL_S = 0.05
START_S = 60.0


def run(*, port: int, data: Path, reload: bool) -> None:
    """Start everything and keep it running until Ctrl-C."""
    require_free_port(HOST, port, "--port {0} (make run PORT={0})")
    with Servers(data) as servers:
        os.environ.update(_environment(servers, port))
        settings()  # a wrong one is told here, and not by each process in turn
        _migrate(servers)
        asyncio.run(_supervise(servers, port, reload=reload))
    print("Stopped. The data is kept in", servers.data)


async def _supervise(servers: Servers, port: int, *, reload: bool) -> None:
    programs = _programs(port, reload=reload)
    supervisor = Supervisor(programs, stop_s=STOP_S, say=printer([program.name for program in programs]))
    watching = asyncio.create_task(_watch(servers, supervisor))
    await supervisor.run(started=lambda: _tell(servers, port, programs))
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def _watch(servers: Servers, supervisor: Supervisor) -> None:
    """Without its database or Redis nothing here is of use: say why and stop."""
    while (words := servers.ended()) is None:  # noqa: ASYNC110 - a process's end sets no event of ours
        await asyncio.sleep(WATCH_S)
    supervisor.stop()
    raise UssdError(words)


def _programs(port: int, *, reload: bool) -> list[Program]:
    from ussd_engine.plugin import installed_services

    serve = ussd("serve", "--host", HOST, "--port", str(port))
    web = Program("web", serve, ready=lambda: answers_ok(HOST, port, "/ready"))
    menus = [Program("menus", ussd("watch"))] if reload else []
    own = [
        Program(name, ussd(*arguments))
        for service in installed_services().values()
        for name, arguments in service.processes().items()
    ]
    return [web, *menus, *own]


def _environment(servers: Servers, port: int) -> dict[str, str]:
    """What the processes are told. The environment wins over `.env`, which may be meant for compose."""
    return {
        "ENV": "development",
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "CELERY_BROKER_URL": servers.broker_url,
        "USSD_HOST": HOST,
        "USSD_PORT": str(port),
        "USSD_DATA": str(servers.data),
        "DRAIN_S": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _migrate(servers: Servers) -> None:
    from migrations import run as migrations

    migrations.upgrade(servers.database_url)


async def _tell(servers: Servers, port: int, programs: list[Program]) -> None:
    """What runs and where to look; a page only when it is there."""
    url = f"http://{HOST}:{port}"
    codes = dialled_codes(settings().menus_dir.glob("*/service.yaml"))
    lines = [
        f"{name:10}{url}{path}"
        for name, path, asked in (
            ("Phone", "/phone", ""),
            ("Admin", "/admin", "/login"),
            ("REST", "/docs", ""),
            ("Health", "/ready", ""),
        )
        if await answers_ok(HOST, port, path + asked)
    ]
    lines += [f"{name:10}{words}" for name, words in await _welcomes()]
    lines += [
        f"{'Dial':10}{' or '.join(codes) or 'nothing: no folder of menus/ has a code'}",
        "",
        f"{'Running':10}{', '.join(program.name for program in programs)}, PostgreSQL, Redis",
        f"{'Data':10}{_short(servers.data)} (and the logs of PostgreSQL and Redis)",
        f"{'Database':10}{servers.database_url}",
        f"{'Redis':10}{servers.redis_url}",
        "",
        "Ctrl-C stops everything and keeps the data.",
    ]
    print("\n" + "\n".join(f"  {line}".rstrip() for line in lines) + "\n", flush=True)


async def _welcomes() -> list[tuple[str, str]]:
    from ussd_engine.plugin import installed_services

    return [line for found in installed_services().values() for line in await found.welcome(settings())]


def dialled_codes(files: Iterable[Path]) -> list[str]:
    """The codes in some service.yaml, as far as they can be read; `ussd check` says what is wrong."""
    codes: list[str] = []
    for file in sorted(files):
        with contextlib.suppress(yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError):
            document = yaml.load(file.read_bytes(), yaml.CBaseLoader)  # noqa: S506 - makes text only
            codes += [str(code) for code in document.get("codes", [])]
    return codes


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@contextlib.contextmanager
def private_server() -> Iterator[str]:
    """The URL of a server of our own, with empty data, gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="ussd-try-") as folder,
        Servers(Path(folder), durable=False) as servers,
    ):
        _migrate(servers)
        port = _free_port()
        log = Path(folder) / "web.log"
        with log.open("wb") as output:
            web = subprocess.Popen(
                [*ending_with_us(signal.SIGTERM), *ussd("serve", "--host", HOST, "--port", str(port))],
                env={**os.environ, **_environment(servers, port)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _until_ready(web, port, log)
            yield f"http://{HOST}:{port}"
        finally:
            web.terminate()
            try:
                web.wait(STOP_S)
            except subprocess.TimeoutExpired:
                web.kill()
                web.wait()


def _until_ready(web: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not asyncio.run(answers_ok(HOST, port, "/ready")):
        if web.poll() is not None or time.monotonic() > deadline:
            raise UssdError(f"The private server did not start. Its last words:\n{tail(log)}")
        time.sleep(POLL_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
