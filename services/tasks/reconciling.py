"""The daily reconciliation: yesterday's payments and payouts, against what M-Pesa says of them."""

from datetime import timedelta

import structlog
from celery import shared_task

from services import clock
from services.mpesa import client, settings
from services.reconciliation import matching, report, running
from services.reconciliation.command import whole_day
from services.tasks.running import Tools, run

ACTOR = "system"

log = structlog.get_logger("umoja.mpesa")


@shared_task(name="services.tasks.reconciling.daily")  # type: ignore[untyped-decorator]
def daily() -> dict[str, int]:
    """Pull yesterday's payments and ask about its payouts. Answers to these come as callbacks, so a later
    tick says how it ended; nothing is booked or queued twice. Gives how much is open of each."""

    async def work(tools: Tools) -> dict[str, int]:
        chosen = settings.mpesa()
        if not chosen.consumer_key.get_secret_value():
            return {}
        chosen.require_complete()
        secret = tools.settings.secret.get_secret_value().encode()
        since, until = whole_day(clock.nairobi_date(clock.now()) - timedelta(days=1))
        open_: dict[str, int] = {}
        async with client.opened(chosen, secret, tools.settings.redis_url) as daraja:
            for name, way in (("pull", running.of_pull), ("status", running.of_status)):
                async with tools.pool.acquire() as connection:
                    try:
                        number = await way(connection, daraja, since, until, ACTOR)
                    except matching.BusyError:
                        continue
                    found = await report.run(connection, number)
                assert found is not None
                open_[name] = found["open"]
                log.info("reconciled", way=name, run=number, state=found["state"], **found["counts"])
        return open_

    return run(work)
