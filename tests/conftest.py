"""Real servers for every test: one private PostgreSQL and Redis a run, a database a test.

`pg_url` is a new database with all migrations in it, copied from a template in some 20 ms. `redis_url` is
an empty Redis database. Nothing here is a stand-in.
"""

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis
import structlog

from migrations import run as migrations
from tests import databases
from ussd_engine.embedded import Servers

pytest_plugins = [
    "tests.sandbox_fixture",  # `sandbox` and `listener`: Safaricom, and whom it calls back
    "tests.api.memcached",  # `memcached` and `memcacheds`
    "tests.browser_fixture",  # `chromium`
    "tests.reports.lender",  # `lender_url`: a lender whose figures are known
]

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

TEMPLATE = "template_migrated"
REDIS_DATABASES = itertools.cycle(
    range(1, 16)
)  # not one for all: a straggler of the last test writes elsewhere


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: the last of several workers is not left with the longest."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def logging_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command that is run inside this process sets up its logging, and must not silence the next test's: a
    logger that is cached would keep what it was told first."""
    configure, before = structlog.configure, structlog.get_config()
    root = logging.getLogger()
    level = root.level
    monkeypatch.setattr(
        structlog, "configure", lambda **given: configure(**{**given, "cache_logger_on_first_use": False})
    )
    yield
    configure(**before)
    root.setLevel(level)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with databases.folder() as folder, Servers(folder, durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def migrated_template(servers: Servers) -> str:
    """The name of a database with all migrations and nobody connected to it."""
    servers.sql(f"CREATE DATABASE {TEMPLATE}")
    migrations.upgrade(servers.url_of(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def pg_url(servers: Servers, migrated_template: str) -> Iterator[str]:
    with databases.copy(servers, migrated_template) as url:
        yield url


@pytest.fixture
def empty_pg_url(servers: Servers) -> Iterator[str]:
    """A database without any migration."""
    with databases.copy(servers, "template0") as url:
        yield url


@pytest.fixture
def redis_url(servers: Servers) -> str:
    url = servers.redis_url.replace("db=0", f"db={next(REDIS_DATABASES)}")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the checkout."""
    return Path(__file__).parent.parent
