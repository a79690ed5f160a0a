"""The server as it runs, on a port of this machine, with a database and a Redis of the test's own.

    async def test_…(api: Api) -> None:
        answer = await api.as_("viewer").get("/loans/ABC123")

Paths are below /api/v1. Limits are out of the way, and a password costs next to nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast

import asyncpg
import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from argon2 import PasswordHasher

from services.api import keys, people, tokens
from services.api.desk import Desk
from services.api.operation import BASE
from services.api.permissions import Permission, Role
from services.app import Umoja, service
from services.loans.terms import Terms
from tests.services import world
from ussd_engine import bundles
from ussd_engine.bundle import Bundle, build
from ussd_engine.engine import open_engine
from ussd_engine.observe import Board, setup_logging
from ussd_engine.plugin import Service
from ussd_engine.server import Running, make_app
from ussd_engine.settings import Settings

PASSWORD = "correct horse battery"
HASHED = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
CHEAP = {
    "API_ARGON2_KIB": "8",
    "API_ARGON2_PASSES": "1",
    "API_LIMIT_READ": "1000000/second",
    "API_LIMIT_LIST": "1000000/second",
    "API_LIMIT_EXPORT": "1000000/second",
    "API_LIMIT_CHANGE": "1000000/second",
    "API_LIMIT_LOGIN": "1000000/second",
}


_built: dict[Any, Bundle] = {}


@dataclass
class Api:
    """The server, its database, and callers of every kind."""

    url: str
    pool: Any
    settings: Settings
    service: Umoja
    terms: Terms
    app: web.Application
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    @property
    def desk(self) -> Desk:
        """What the operations work with."""
        assert self.service._staff_desk is not None
        return self.service._staff_desk

    @property
    def nobody(self) -> httpx.AsyncClient:
        """A caller with nothing to show."""
        return self.client("nobody")

    def client(self, name: str, **headers: str) -> httpx.AsyncClient:
        """A caller with these headers; the same one for a name."""
        if name not in self.clients:
            made = httpx.AsyncClient(base_url=self.url + BASE, headers=headers, timeout=30, verify=False)
            made.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a test sends its own
            self.clients[name] = made
        return self.clients[name]

    async def person(self, email: str, role: str = "viewer", *, must_change: bool = False) -> int:
        """Somebody of the staff whose password is PASSWORD; their id."""
        async with self.pool.acquire() as connection:
            row = await people.make(
                connection, email, Role(role), HASHED, must_change=must_change, by="tests"
            )
            return int(row["id"])

    def as_(self, role: str) -> httpx.AsyncClient:
        """Somebody of this role, logged in: `{role}@example.org`."""
        return self.clients[f"{role}@example.org"]

    async def another(self, role: str, name: str) -> httpx.AsyncClient:
        """One more of this role, logged in: `{name}@example.org`."""
        email = f"{name}@example.org"
        staff_id = await self.person(email, role)
        async with self.pool.acquire() as connection:
            login = await tokens.begin(connection, self.desk.api, staff_id, "127.0.0.1")
            issued = await tokens.issue(connection, self.desk.api, login, "access")
        return self.client(email, Authorization=f"Bearer {issued.token}")

    async def key(self, *scopes: Permission) -> httpx.AsyncClient:
        """A machine with a key of these scopes."""
        async with self.pool.acquire() as connection:
            made = await keys.make(connection, "tests", scopes, "tests", 1)
        return self.client(made.whole, **{"X-API-Key": made.whole})

    def phone(self) -> world.Phone:
        """Somebody who may dial in: `await api.phone().join()`."""
        return world.Phone(self.pool, self.terms)

    async def audit(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The rows of the audit, the oldest first."""
        rows = await self.pool.fetch(
            "select * from audit where $1::text is null or operation = $1 order by id", operation
        )
        return [dict(row) for row in rows]


@pytest.fixture(autouse=True)
def logging_as_in_production() -> None:
    setup_logging(Settings(_env_file=None))


@pytest.fixture
def api_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Settings of the tests. A fixture of yours that comes before `api` may set more."""
    for name, value in CHEAP.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bundles, "build", built_once)
    return monkeypatch


def built_once(sources: Mapping[str, str], plugin: Service | None = None) -> Bundle:
    """The same menus are compiled once a run."""
    key = (tuple(sorted(sources.items())), id(plugin))
    if key not in _built:
        _built[key] = build(sources, plugin)
    return _built[key]


@pytest.fixture(scope="session")
def terms() -> Terms:
    return world.terms()


@pytest_asyncio.fixture
async def api(
    api_environment: pytest.MonkeyPatch, pg_url: str, redis_url: str, terms: Terms
) -> AsyncIterator[Api]:
    settings = Settings(
        _env_file=None, database_url=pg_url, redis_url=redis_url, port=0, drain_s=1.0, env="development",
        USSD_SECRET=world.SECRET.decode(),
    )  # fmt: skip
    board, umoja = Board(), cast(Umoja, service)
    engine = await open_engine(settings, board, plugins={"umoja": service})
    app = make_app(settings, engine, board, services=[service])
    running = Running(app, settings, board)
    await running.start()
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=10) as pool:
        made = Api(f"http://127.0.0.1:{running.port}", pool, settings, umoja, terms, app)
        for role in Role:
            await made.another(role, role)
        yield made
        for client in made.clients.values():
            await client.aclose()
    await running.stop()
    await engine.close()


async def together(*work: Any) -> list[Any]:
    """All at once."""
    return list(await asyncio.gather(*work))
