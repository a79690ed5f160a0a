"""Starts servers on their cores, and stops them; none outlives the bench, not even a killed one."""

import itertools
import os
import random
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from loadtests.bench.machine import Cores
from loadtests.rivals.catalog import RIVALS
from loadtests.rivals.rival import Place
from ussd_engine.child import Child, User, launch
from ussd_engine.embedded import REDIS_ENVIRONMENT, REDIS_HZ, Servers, redis_binary

_SECRET = secrets.token_hex(32)


@contextmanager
def redis(cores: Cores, folder: Path) -> Iterator[tuple[str, int]]:
    """A private Redis that writes nothing to disk: its URL and its process id."""
    path = folder / "redis.sock"
    command = [redis_binary(), "--port", "0", "--unixsocket", str(path), "--hz", REDIS_HZ]
    command += ["--save", "", "--appendonly", "no"]
    with _running(cores.on_redis(), command, folder / "redis.log", path.exists, REDIS_ENVIRONMENT) as pid:
        yield f"unix://{path}?db=0", pid


@contextmanager
def postgres(cores: Cores, folder: Path) -> Iterator[tuple[str, int]]:
    """A private PostgreSQL beside Redis that waits for no disk: its URL and its process id."""
    with cores.on_redis():
        servers = Servers(folder / "postgres", durable=False)
        servers.start()
    try:
        yield servers.database_url, servers.processes()["PostgreSQL"]
    finally:
        servers.stop()


@contextmanager
def rival(
    name: str, cores: Cores, folder: Path, redis_url: str = "", database_url: str = ""
) -> Iterator[tuple[int, int]]:
    """A rival of loadtests/rivals: its port and its process id."""
    port = free_port()
    command = RIVALS[name].command(Place(port, redis_url, database_url, folder))
    with _running(cores.on_server(), command, folder / f"{name}.log", lambda: _listens(port)) as pid:
        yield port, pid


@contextmanager
def engine(
    cores: Cores,
    folder: Path,
    menus: Path,
    redis_url: str,
    database_url: str = "",
    workers: int = 1,
    *,
    lane: bool = True,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[tuple[int, int]]:
    """`ussd serve` as in production: its port and its process id.

    Without PostgreSQL when no database is named: a turn of menus that call no action never asks it.
    more: settings beside the usual ones.
    """
    port = free_port()
    environment = settings(menus, redis_url, database_url) | more
    serve = [sys.executable, "-m", "ussd_engine.cli", "serve", "--port", str(port), "--workers", str(workers)]
    command = ["env", *(f"{name}={value}" for name, value in environment.items()), *serve]
    command.append("--lane" if lane else "--no-lane")
    log = folder / ("ussd serve.log" if lane else "ussd serve without lane.log")
    with _running(cores.on_server(), command, log, lambda: _listens(port)) as pid:
        yield port, pid


def settings(menus: Path, redis_url: str, database_url: str = "") -> dict[str, str]:
    """What `ussd` is told in production. One secret for all that this process starts."""
    return {
        "ENV": "production",
        "USSD_SECRET": _SECRET,
        "MENUS_DIR": str(menus),
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "LOG_LEVEL": "WARNING",
    }


# Below the ports that systems give to outgoing connections, or one of those takes it before we listen. Two
# apart, for `ussd dev` takes the one after it too. Processes that run at once take different ones.
_PORTS = range(10_000 + os.getpid() % 16 * 2, 32_000, 32)
_next_port = itertools.cycle(random.sample(_PORTS, len(_PORTS)))


def free_port() -> int:
    """A port of loopback that nobody has now, and that nobody here was given before."""
    for port in _next_port:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports go round")


@contextmanager
def _running(
    pin: AbstractContextManager[None],
    command: list[str],
    log: Path,
    answers: Callable[[], bool],
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[int]:
    with pin:
        process = launch(command, signal.SIGTERM, log, User.ours(), environment)
    child = Child(log.stem, process, log, signal.SIGTERM, signal.SIGKILL)
    try:
        child.wait_until(answers)
        yield process.pid
    finally:
        child.ask_to_stop()
        child.wait_or_force()


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        connection.settimeout(0.5)
        return connection.connect_ex(("127.0.0.1", port)) == 0
