"""When the regular jobs run. Hours are Nairobi's, and every entry names its hour and its minute:
`crontab(hour=6)` alone would fire sixty times, at every minute of that hour.

A tick that nobody took in time is dropped: after an hour without a worker, sixty sweeps would say nothing
that one does not. No job relies on its tick: each does what is due, and the next tick makes up for it.
"""

from typing import Any

from celery.schedules import crontab

EVERY = "*"


def _at(task: str, *, hour: str, minute: str, expires_s: int) -> dict[str, Any]:
    """An entry. expires_s: how long its tick is worth being taken."""
    return {
        "task": f"services.tasks.{task}",
        "schedule": crontab(hour=hour, minute=minute),
        "options": {"expires": expires_s},
    }


_HOUR = 3600

SCHEDULE: dict[str, dict[str, Any]] = {
    # What became of payouts, prompts and callbacks that were lost.
    "sweep": _at("money.sweep", hour=EVERY, minute=EVERY, expires_s=55),
    "pull": _at("money.pull", hour=EVERY, minute="4-59/15", expires_s=840),
    "pull_all": _at("money.pull_all", hour="2", minute="40", expires_s=6 * _HOUR),
    "balance": _at("money.balance", hour=EVERY, minute="9-59/15", expires_s=840),
    # Yesterday against M-Pesa's books. The later ticks hear the answers to what the first one asked.
    "reconcile": _at("reconciling.daily", hour="5", minute="10,30,50", expires_s=1000),
    # Yesterday is closed soon after midnight. The later ticks find nothing to do, or what was missed.
    "close_days": _at("lending.close_days", hour=EVERY, minute="5-59/10", expires_s=540),
    # A reminder is asked for once a day; the later ticks are for a morning without a worker.
    "remind": _at("sms.remind", hour="9-17", minute="5", expires_s=3000),
    "rescore": _at("lending.rescore", hour="4", minute="20,40", expires_s=_HOUR),
    # Notices and listings, in hours in which messages are sent. The later ticks are for those too.
    "crb": _at("lending.crb", hour="9-16", minute="25", expires_s=3000),
    # Reports whose period is over and whose days are closed. Later ticks find nothing, or what was missed.
    "reports": _at("reporting.scheduled", hour="1-8", minute="15", expires_s=3000),
    # Figures are true within a minute.
    "figures": _at("figures.count", hour=EVERY, minute=EVERY, expires_s=55),
    "months": _at("figures.months", hour="2", minute="20", expires_s=6 * _HOUR),
    "forget": _at("upkeep.forget", hour=EVERY, minute="*/10", expires_s=540),
    # Twice, for a night in which the first one was cut off.
    "retain": _at("upkeep.retain", hour="3", minute="30,50", expires_s=_HOUR),
    "prune": _at("upkeep.prune", hour="3", minute="10", expires_s=6 * _HOUR),
}
