"""The outbox: what has to leave, written in the transaction of its cause.

The relay (services/tasks/relay.py) publishes what is due and not done, and publishes it again until
somebody says that it is done. So a message may come twice, at once or days later, and whoever consumes
one does its work once by the row's own key.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from ussd_engine.observe import tracing

DISBURSE = "loans.disburse"  # {loan_id, ref}
PROMPT = "repayments.prompt"  # {payment_request_id}
REFUND = "refunds.pay"  # {refund_id}
RETURN = "suspense.return"  # {reversal_id}
MENUS = "menus.publish"  # {change_id}
PROFILE = "profile.forget"  # {borrower_id}
BULK = "sms.bulk"  # {bulk_id}
MPESA_CALLBACK = "mpesa.inbox"  # {inbox_id}
SMS = "sms.send"  # {sms_id}
SMS_CALLBACK = "sms.callback"  # {callback_id}

PUT = """
insert into outbox (key, topic, payload)
values ($1, $2, $3)
"""

DONE = """
update outbox
set done_at = now()
where id = $1
and done_at is null
"""

IS_DONE = """
select done_at is not null
from outbox
where id = $1
"""

AGAIN = """
update outbox
set due_at = $2
where id = $1
and done_at is null
"""


# What waits: due now and since when, handed on but not done, and of that handed on again and again.
BACKLOG = """
select
    count(*) filter (where due_at <= now()) as due,
    count(*) filter (where attempts > 0) as unfinished,
    count(*) filter (where attempts > 3) as stuck,
    coalesce(extract(epoch from now() - min(due_at) filter (where due_at <= now())), 0)::float as lag_s
from outbox
where done_at is null
"""


async def put(connection: Any, key: str, topic: str, payload: Mapping[str, Any]) -> None:
    """Leave a message inside the caller's transaction. Ids only: no number, name or PIN goes in."""
    parent = tracing.traceparent()
    if parent:  # the relay makes a header of it, so that the task belongs to its cause
        payload = {**payload, tracing.HEADER: parent}
    await connection.execute(PUT, key, topic, orjson.dumps(payload).decode())


async def done(connection: Any, row: int) -> None:
    """Nothing is left to do for this row: it is not published again."""
    await connection.execute(DONE, row)


async def is_done(connection: Any, row: int) -> bool:
    """Whether somebody did it before. True for a row that is gone: only what is done is deleted."""
    found: bool | None = await connection.fetchval(IS_DONE, row)
    return found is None or found


async def again(connection: Any, row: int, at: datetime) -> None:
    """It cannot be done yet: publish it again at that time."""
    await connection.execute(AGAIN, row, at)
