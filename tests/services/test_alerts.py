"""An alert is a log line and a number."""

import re
from pathlib import Path

import structlog

from services import alerts
from services.monitoring import shared


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
