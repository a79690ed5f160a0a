"""Jobs of the SMS queue. What each does is in services/sms."""

from datetime import datetime

from celery import shared_task

from services import clock, published
from services.loans import repaying
from services.sms import bulk as to_many
from services.sms import callbacks, reminders, sending
from services.sms.client import AfricasTalking
from services.sms.settings import read
from services.tasks.running import Tools, consume, run


@shared_task(name="services.tasks.sms.send")  # type: ignore[untyped-decorator]
def send(row: int, sms_id: int) -> None:
    """Send a message."""

    async def work(tools: Tools) -> datetime | None:
        live = await published.live(tools.pool)
        gateway = AfricasTalking(tools.http, read(tools.settings))
        paybill = repaying.paybill(live.terms.product.repayment)
        return await sending.send(tools.pool, gateway, live.texts, paybill, sms_id)

    consume(row, work)


@shared_task(name="services.tasks.sms.callback")  # type: ignore[untyped-decorator]
def callback(row: int, callback_id: int) -> None:
    """Process what the gateway told us."""

    async def work(tools: Tools) -> datetime | None:
        return await callbacks.process(tools.pool, callback_id)

    consume(row, work)


@shared_task(name="services.tasks.sms.bulk")  # type: ignore[untyped-decorator]
def bulk(row: int, bulk_id: int) -> None:
    """Ask for the messages of one to many."""

    async def work(tools: Tools) -> datetime | None:
        while await to_many.step(tools.pool, bulk_id):
            pass
        return None

    consume(row, work)


@shared_task(name="services.tasks.sms.remind")  # type: ignore[untyped-decorator]
def remind() -> int:
    """Ask for today's reminders."""

    async def work(tools: Tools) -> int:
        live = await published.live(tools.pool)
        today = clock.nairobi_date(clock.now())
        return await reminders.remind(tools.pool, live.texts, today, live.terms.rules.contact)

    return run(work)
