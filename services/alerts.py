"""What a person has to look at: a line in the log, and a number that a monitor watches.

    {"event": "alert", "alert": "payout_needs_a_person", "payout": 7}
    umoja_alerts_total{alert="payout_needs_a_person"} 1

The kinds are few words known in the code: whose and which is in the log line, never in a label.
"""

from typing import Any

from services.monitoring.shared import TALLY


def tell(log: Any, alert: str, **details: Any) -> None:
    """Alert a person: a line by that logger, of that kind, with what they need to find it. No number, name
    or secret of anybody is a detail."""
    TALLY.add("alerts", alert)
    log.error("alert", alert=alert, **details)
