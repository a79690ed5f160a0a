"""An alert is a log line and a number; the outbox's backlog is numbers."""

import re
from pathlib import Path

import structlog
from prometheus_client import REGISTRY

from services import alerts
from services.tasks import relay
from tests.services.world import Phone


def test_an_alert_is_a_line_for_people_and_a_number_for_monitors() -> None:
    def told() -> float:
        return REGISTRY.get_sample_value("umoja_alerts_total", {"alert": "a_test"}) or 0.0

    before = told()
    with structlog.testing.capture_logs() as lines:
        alerts.tell(structlog.get_logger("umoja.test"), "a_test", payout=7)
    assert lines == [{"event": "alert", "alert": "a_test", "payout": 7, "log_level": "error"}]
    assert told() == before + 1


def test_every_alert_of_ours_is_counted(repository: Path) -> None:
    for file in (repository / "services").rglob("*.py"):
        if file.name != "alerts.py":
            assert not re.search(r"\.error\(\s*\"alert\"", file.read_text()), f"{file}: use alerts.tell"


async def test_the_relay_keeps_how_the_outbox_stands(borrower: Phone) -> None:
    await borrower.borrow()
    await borrower.pool.execute("update outbox set due_at = now() - interval '90 seconds'")
    async with borrower.pool.acquire() as connection:
        await relay._tell(connection, -relay.REPORT_S)
    assert REGISTRY.get_sample_value("umoja_outbox_due") == 1
    assert 90 <= (REGISTRY.get_sample_value("umoja_outbox_lag_seconds") or 0) < 120
