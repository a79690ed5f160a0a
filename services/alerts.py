"""What a person has to look at: a line in the log, and a number that a monitor watches.

    {"event": "alert", "alert": "payout_needs_a_person", "payout": 7}
    umoja_alerts_total{alert="payout_needs_a_person"} 1

The kinds are few words known in the code: whose and which is in the log line, never in a label.
"""

from typing import Any

from prometheus_client import Counter, Gauge

ALERTS = Counter("umoja_alerts", "Times that a person was alerted, by kind", ["alert"])

# How the outbox stands, as the relay sees it (services/tasks/relay.py).
OUTBOX_DUE = Gauge(
    "umoja_outbox_due", "Rows of the outbox that wait to be handed on", multiprocess_mode="max"
)
OUTBOX_UNFINISHED = Gauge(
    "umoja_outbox_unfinished", "Rows handed on that nobody has done yet", multiprocess_mode="max"
)
OUTBOX_STUCK = Gauge(
    "umoja_outbox_stuck", "Of them, rows handed on more than three times", multiprocess_mode="max"
)
OUTBOX_LAG = Gauge(
    "umoja_outbox_lag_seconds", "How long the oldest row waits to be handed on", multiprocess_mode="max"
)


def tell(log: Any, alert: str, **details: Any) -> None:
    """Alert a person: a line by that logger, of that kind, with what they need to find it. No number, name
    or secret of anybody is a detail."""
    ALERTS.labels(alert).inc()
    log.error("alert", alert=alert, **details)


def outbox(due: int, unfinished: int, stuck: int, lag_s: float) -> None:
    """Keep how the outbox stands now."""
    OUTBOX_DUE.set(due)
    OUTBOX_UNFINISHED.set(unfinished)
    OUTBOX_STUCK.set(stuck)
    OUTBOX_LAG.set(lag_s)
