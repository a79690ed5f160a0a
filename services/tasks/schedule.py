"""When the regular jobs run. Hours are Nairobi's, and each entry names its minute, and its hour if it is
daily: `crontab(hour=6)` alone would fire sixty times, at every minute of that hour.
"""

from typing import Any

from celery.schedules import crontab

SCHEDULE: dict[str, dict[str, Any]] = {
    "prune": {
        "task": "services.tasks.upkeep.prune",
        "schedule": crontab(hour=3, minute=10),
    },
    "sweep": {  # what became of payouts, prompts and messages that were lost
        "task": "services.tasks.money.sweep",
        "schedule": crontab(),
    },
    "pull": {
        "task": "services.tasks.money.pull",
        "schedule": crontab(minute="4-59/15"),
    },
    "pull_all": {
        "task": "services.tasks.money.pull_all",
        "schedule": crontab(hour=2, minute=40),
    },
    "balance": {
        "task": "services.tasks.money.balance",
        "schedule": crontab(minute="9-59/15"),
    },
    "forget": {
        "task": "services.tasks.upkeep.forget",
        "schedule": crontab(minute="*/10"),
    },
}
