"""The outbox: what has to leave, written in the transaction of its cause.

The relay publishes rows that are not sent yet and marks them. It may publish one twice, so whoever
consumes a row does its work once by the row's key.
"""

from collections.abc import Mapping
from typing import Any

import orjson

DISBURSE = "loans.disburse"  # {loan_id, ref}
PROMPT = "repayments.prompt"  # {payment_request_id}
REFUND = "refunds.pay"  # {refund_id}

PUT = """
insert into outbox (key, topic, payload)
values ($1, $2, $3)
"""


async def put(connection: Any, key: str, topic: str, payload: Mapping[str, Any]) -> None:
    """Leave a message inside the caller's transaction. Ids only: no number, name or PIN goes in."""
    await connection.execute(PUT, key, topic, orjson.dumps(payload).decode())
