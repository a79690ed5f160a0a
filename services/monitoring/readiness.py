"""Whether a web process can serve the lender, and what is away beside.

Without tables of this version nothing works: that makes it unready. The web serves without the rest, so it
is shown and no more: memcached (answers are slower), the broker, the relay, the workers and beat (what is to
leave waits in PostgreSQL), an outbox that is late.
"""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg

from services.api.desk import Desk
from services.monitoring import books, shared
from services.monitoring.page import Page
from ussd_engine.errors import UssdError
from ussd_engine.plugin import Health
from ussd_engine.pool import FAILURES
from ussd_engine.redis_clients import client

# How long a kind of process may be silent, in seconds. Beat speaks when it sends a task: each minute.
SILENT_S = {"relay": 30.0, "worker": 60.0, "beat": 180.0}
LATE_S = 60.0
PATIENCE_S = 2.0
MIGRATIONS = Path(__file__).parents[2] / "migrations" / "sql"

OK = "ok"


class Readiness:
    """Looks, for one process. What is asked of PostgreSQL and Redis is kept for some seconds (page.py)."""

    def __init__(self, desk: Desk, page: Page) -> None:
        self._desk = desk
        self._page = page
        self._migrated = False

    async def look(self) -> Health:
        """What is wrong, and what is away beside. Never fails."""
        problems, _ = await asyncio.gather(self._migrations(), self._page.sample())
        shown = {"migrations": OK, **await self._stores()}
        for kind, most_s in SILENT_S.items():
            age = self._page.ages.get(kind)
            if age is None:
                shown[kind] = "not heard of"
            else:
                shown[kind] = OK if age <= most_s else f"not heard of for {age:.0f} s"
        lag = self._page.known.get(books.OUTBOX_LAG.name)
        if lag is not None:
            shown["outbox"] = OK if lag <= LATE_S else f"its oldest row waits for {lag:.0f} s"
        return Health(problems, shown | problems)

    async def _migrations(self) -> dict[str, str]:
        """Tables of an older version are a problem; of a newer one not: a new release migrates first."""
        if self._migrated:
            return {}
        wanted = newest()
        try:
            async with asyncio.timeout(PATIENCE_S), self._desk.acquire() as connection:
                there = await connection.fetchval("select max(version_num) from alembic_version")
        except asyncpg.UndefinedTableError:
            there = None
        except FAILURES:
            return {}  # `postgresql` says it
        if there is None or there < wanted:
            return {"migrations": f"the database is at {there or 'nothing'}, not {wanted}. Run: ussd migrate"}
        self._migrated = True
        return {}

    async def _stores(self) -> dict[str, str]:
        kept, chosen = self._desk.kept, self._desk.settings
        found = {"memcached": await kept.state()} if kept is not None and chosen.memcached_host else {}
        url = chosen.celery_broker_url
        if not url or url == chosen.redis_url:
            found["broker"] = OK if self._page.shared_up else "Redis does not answer"
        elif not url.startswith("redis+socket://"):
            found["broker"] = await _answers(url)
        return found


def newest() -> str:
    """The revision that this program's tables are of."""
    return max(file.name.partition("_")[0] for file in MIGRATIONS.glob("*.up.sql"))


async def _answers(url: str) -> str:
    try:
        asked: Any = client(url)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await asked.ping()
        finally:
            await asked.aclose()
    except (*shared.AWAY, TimeoutError, UssdError) as error:
        return f"it does not answer: {type(error).__name__}"
    return OK
