"""A lender and the sandbox's SMS gateway."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from services import documents
from services.loans.terms import Terms
from services.sandbox.server import Running
from services.sms import sending, texts
from services.sms.client import AfricasTalking
from services.sms.settings import SmsSettings
from services.sms.texts import Texts
from tests.services import world

SOURCES = {path.name: path.read_text() for path in world.FOLDER.glob("*.yaml")}
NOON = datetime.now(UTC).replace(hour=9)  # in Nairobi
_HALF_PAST_EIGHT = datetime.now(UTC).replace(hour=20, minute=30)
NIGHT = _HALF_PAST_EIGHT - timedelta(days=datetime.now(UTC) < _HALF_PAST_EIGHT)  # the last one


@dataclass
class Desk:
    """What a test of messages works with."""

    pool: Any
    sandbox: Running
    gateway: AfricasTalking
    texts: Texts
    phone: world.Phone

    async def send(self, number: int, now: datetime = NOON) -> datetime | None:
        return await sending.send(self.pool, self.gateway, self.texts, "400222", number, now)

    async def lent(self) -> str:
        """A loan whose money arrived; its message is asked for."""
        ref: str = (await self.phone.borrow()).value["ref"]
        await self.phone.money_arrives(ref)
        return ref

    async def asked(self) -> list[Any]:
        """Every message, oldest first."""
        rows: list[Any] = await self.pool.fetch("select * from sms order by id")
        return rows

    async def row(self) -> Any:
        """The only message."""
        (row,) = await self.asked()
        return row

    def received(self) -> list[str]:
        """What the phone shows."""
        messages = self.sandbox.world.messages.values()
        return [each.text for each in messages if each.msisdn == self.phone.msisdn and each.code < 200]

    def tried(self) -> int:
        """How often the gateway was asked for something."""
        return len([call for call in self.sandbox.box.calls if call.kind == "sms"])


@pytest.fixture(scope="session")
def terms() -> Terms:
    return world.terms()


@pytest.fixture(scope="session")
def words() -> Texts:
    found, problems = texts.read(SOURCES, documents.menus(SOURCES))
    assert found is not None, problems
    return found


@pytest_asyncio.fixture
async def pool(pg_url: str) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=10) as made, world.serving(made, pg_url):
        yield made


@pytest_asyncio.fixture
async def desk(pool: Any, terms: Terms, words: Texts, sandbox: Running) -> AsyncIterator[Desk]:
    """Somebody has joined; the gateway is the sandbox's."""
    box = sandbox.settings
    settings = SmsSettings(
        username=box.at_username, api_key=SecretStr(box.at_api_key), base_url=sandbox.url, timeout_s=5
    )
    phone = await world.Phone(pool, terms).join()
    async with httpx.AsyncClient() as http:
        yield Desk(pool, sandbox, AfricasTalking(http, settings), words, phone)
