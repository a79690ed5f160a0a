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
    "forget": {
        "task": "services.tasks.upkeep.forget",
        "schedule": crontab(minute="*/10"),
    },
}
