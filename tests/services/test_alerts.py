"""An alert is a log line and a number."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog

from services import alerts
from services.commands.database import once
from services.monitoring import shared
from ussd_engine.settings import settings


def test_an_alert_is_a_line_for_people_and_a_number_for_monitors() -> None:
    shared.TALLY.take()
    with structlog.testing.capture_logs() as lines:
        alerts.tell(structlog.get_logger("umoja.test"), "a_test", payout=7)
    assert lines == [{"event": "alert", "alert": "a_test", "payout": 7, "log_level": "error"}]
    assert shared.TALLY.take() == {"alerts|a_test": 1}


def test_every_alert_of_ours_is_counted(repository: Path) -> None:
    for file in (repository / "services").rglob("*.py"):
        if file.name != "alerts.py":
            assert not re.search(r"\.error\(\s*\"alert\"", file.read_text()), f"{file}: use alerts.tell"


async def test_what_a_command_alerts_of_is_counted_when_it_ends(
    pg_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command has no page, and nobody brings away afterwards what it counted."""
    shared.TALLY.take()
    monkeypatch.setenv("DATABASE_URL", pg_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    settings.cache_clear()

    async def work(connection: Any) -> Any:
        alerts.tell(structlog.get_logger("umoja.test"), "a_test")
        return await connection.fetchval("select 1")

    try:
        assert await asyncio.to_thread(once, work) == 1
    finally:
        settings.cache_clear()
    with redis.Redis.from_url(redis_url) as client:
        assert client.hgetall(shared.COUNTED) == {b"alerts|a_test": b"1"}
