"""Partitions of events are there before they are needed, and gone when they are old."""

from datetime import date
from typing import Any

import asyncpg

from services.tasks.figures import KEEP_MONTHS, keep_months

NAMES = "select relname from pg_class where relname ~ '^server_hour_[0-9]{4}_[0-9]{2}$' order by 1"


async def names(connection: Any) -> list[str]:
    return [row["relname"].removeprefix("server_hour_") for row in await connection.fetch(NAMES)]


async def test_months_are_made_ahead_and_dropped_when_old(pg_url: str) -> None:
    connection = await asyncpg.connect(pg_url)
    try:
        await connection.execute(
            "insert into session_over (session, at) values ($1, now() - interval '4 days'), ($2, now())",
            b"a" * 16, b"b" * 16,
        )  # fmt: skip
        await connection.execute("insert into event_writer values ('gone', 1, now() - interval '40 days')")
        assert await keep_months(connection, date(2026, 11, 23)) == {
            "partitions": 0, "sessions": 1, "writers": 1,
        }  # fmt: skip
        assert await names(connection) == ["2026_11", "2026_12", "2027_01"]
        later = date(2026 + (11 + KEEP_MONTHS) // 12, (11 + KEEP_MONTHS) % 12 + 1, 1)
        assert (await keep_months(connection, later))["partitions"] == 3
        assert (await names(connection))[0] == "2026_12"
    finally:
        await connection.close()
