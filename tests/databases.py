"""Databases for tests: a copy of a template each, made in some 25 ms where the servers lie in memory."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ussd_engine.embedded import Servers

MEMORY = Path("/dev/shm")
ENOUGH = 8 << 30  # bytes free; each of the suite's workers may need one or two GB
_numbers = itertools.count(1)


@contextmanager
def folder() -> Iterator[Path]:
    """Where the servers' data goes: into memory, where there is enough of it."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    with tempfile.TemporaryDirectory(prefix="ussd-tests-", dir=MEMORY if roomy else None) as name:
        yield Path(name)


def create(servers: Servers, name: str, template: str) -> str:
    """The URL of a new database, like the template. Files are copied as they are where that costs no disk."""
    strategy = "FILE_COPY" if servers.data.is_relative_to(MEMORY) else "WAL_LOG"
    servers.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY {strategy}")
    return servers.url_of(name)


@contextmanager
def copy(servers: Servers, template: str) -> Iterator[str]:
    """The URL of a copy, for as long as it is wanted."""
    name = f"test_{next(_numbers)}"
    yield create(servers, name, template)
    servers.sql(f"DROP DATABASE {name} WITH (FORCE)")
