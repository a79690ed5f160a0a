"""A real memcached on a free port of this machine. It ends with us."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from loadtests.bench.processes import free_port
from ussd_engine.launch import ending_with_us

PATIENCE_S = 10.0


class Memcached:
    """One server. `kill` takes all it has."""

    def __init__(self) -> None:
        self.binary = shutil.which("memcached")
        if self.binary is None:
            pytest.skip("memcached is not installed; on Debian: apt-get install memcached")
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> "Memcached":
        assert self.binary is not None
        command = [self.binary, "-l", "127.0.0.1", "-p", str(self.port), "-m", "32", "-U", "0"]
        if os.getuid() == 0:
            command += ["-u", "root"]
        self.process = subprocess.Popen(
            [*ending_with_us(signal.SIGKILL), *command], stderr=subprocess.DEVNULL
        )
        ends = time.monotonic() + PATIENCE_S
        while not self.answers():
            assert time.monotonic() < ends, f"memcached does not answer at {self.host}"
            time.sleep(0.01)
        return self

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as line:
                line.sendall(b"version\r\n")
                return line.recv(100).startswith(b"VERSION")
        except OSError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It does nothing meanwhile, and then goes on with all it has."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def __enter__(self) -> "Memcached":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


@pytest.fixture(scope="session")
def memcacheds() -> Iterator[list[Memcached]]:
    """Two that stay."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Memcached()) for _ in range(2)]


@pytest.fixture
def memcached() -> Iterator[Memcached]:
    """One that may be killed."""
    with Memcached() as running:
        yield running
