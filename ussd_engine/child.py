"""A server we own: started as a child, waited for until it answers, stopped, found again after a crash.

Knows nothing of PostgreSQL or Redis; embedded.py does.
"""

import contextlib
import fcntl
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil

from ussd_engine.errors import UssdError
from ussd_engine.launch import ending_with_us

START_S = 60.0  # crash recovery may take long
STOP_S = 2.0
POLL_S = 0.01


@dataclass(slots=True, frozen=True)
class Child:
    """One running server. gentle asks it to finish, firm to drop everything; both keep its data."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    gentle: signal.Signals
    firm: signal.Signals

    def ended(self) -> str | None:
        """What to tell the person when it has ended by itself, else None."""
        if self.process.poll() is None:
            return None
        return f"{self.name} ended by itself. Its last words ({self.log}):\n{tail(self.log)}"

    def wait_until(self, answers: Callable[[], bool]) -> None:
        """Wait until it answers. Raises UssdError with its last words when it does not."""
        deadline = time.monotonic() + START_S
        while not answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise UssdError(f"{self.name} did not start. Its last words ({self.log}):\n{tail(self.log)}")
            time.sleep(POLL_S)

    def ask_to_stop(self) -> None:
        """Send the gentle signal."""
        if self.process.poll() is None:
            self.process.send_signal(self.gentle)

    def wait_or_force(self) -> None:
        """Wait for its end, with more force when it takes too long."""
        for force in (self.firm, signal.SIGKILL):
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.send_signal(force)
            else:
                return
        self.process.wait()


@dataclass(slots=True, frozen=True)
class User:
    """Who runs a child: a user id and a group id."""

    uid: int
    gid: int

    @classmethod
    def ours(cls) -> "User":
        """The user of this process."""
        return cls(os.geteuid(), os.getegid())

    @classmethod
    def named(cls, name: str) -> "User":
        """The user of this name, added when there is none. Raises UssdError when it cannot be."""
        with _alone_at(Path("/etc")):  # two that are added at once: the second takes the first's number away
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                entry = _added(name)
        return cls(entry.pw_uid, entry.pw_gid)

    def own(self, path: Path) -> None:
        """Give the path to this user, when that is not us."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid)


def _added(name: str) -> pwd.struct_passwd:
    where = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])  # not on every root's PATH
    try:
        useradd = shutil.which("useradd", path=where) or "useradd"
        subprocess.run([useradd, name], check=True, capture_output=True)
        return pwd.getpwnam(name)
    except (OSError, subprocess.CalledProcessError, KeyError):
        raise UssdError(f"The user `{name}` is needed, and cannot be added. Run: useradd {name}") from None


@contextlib.contextmanager
def _alone_at(folder: Path) -> Iterator[None]:
    """No other process that asks for the same is in here meanwhile."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def launch(
    command: list[str],
    at_parent_death: signal.Signals,
    log: Path,
    user: User,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[bytes]:
    """Run the command in a session of its own (Ctrl-C is ours alone), its output in the log."""
    if log.exists():
        log.replace(log.with_suffix(".old.log"))
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    with log.open("wb") as output:
        return subprocess.Popen(
            [*ending_with_us(at_parent_death, user.uid, user.gid), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**ours, "LC_ALL": "C", "TZ": "UTC", **environment},
        )


def stop_leftover(folder: Path, pid_file: Path, gentle: signal.Signals) -> None:
    """Stop a server of this folder that outlived its parent, and clear a pid file that misleads.

    A pid that is gone is left to the server, which checks more than we could. But it refuses to start
    when the pid is alive: another process by now, or a zombie that nobody reaps (a container's first
    process often does not).
    """
    try:
        process = psutil.Process(abs(int(pid_file.read_text().split("\n")[0])))
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return
    if _serves(process, folder):
        process.send_signal(gentle)
        if not _gone(process, START_S / 2):
            process.kill()
            _gone(process, STOP_S)
    for orphan in psutil.process_iter():
        if _serves(orphan, folder):
            orphan.kill()
            _gone(orphan, STOP_S)
    pid_file.unlink(missing_ok=True)


def _serves(process: psutil.Process, folder: Path) -> bool:
    try:
        if not re.search("postgres|redis|valkey", process.name()):
            return False
        return str(folder) in process.cmdline() or process.cwd() == str(folder)
    except psutil.Error:  # a zombie, gone, or not ours to look at
        return False


def _gone(process: psutil.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
    return True


def tail(log: Path) -> str:
    """The last lines of a log, indented."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"    {line}" for line in lines[-12:])
