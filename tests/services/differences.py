"""Differences with M-Pesa, as a reconciliation leaves them."""

import secrets
from typing import Any

from services.clock import now
from services.reconciliation import breaks

RUN = """
insert into reconciliation_run (source, account, identity, made_by, state, ended_at)
values ('statement', $1, $2, 'test', 'done', now())
returning id
"""

ITEM = """
insert into reconciliation_item (run_id, subject, kind, outcome, theirs_cents, theirs_at)
values ($1, $2, 'own', 'theirs_only', $3, $4)
"""


async def found(pool: Any, *told: tuple[str, str, int]) -> list[int]:
    """M-Pesa tells of each (account, receipt, cents), and we know none of it; their numbers."""
    async with pool.acquire() as connection, connection.transaction():
        for account, receipt, cents in told:
            run_id = await connection.fetchval(RUN, account, secrets.token_bytes(32))
            await connection.execute(ITEM, run_id, receipt, cents, now())
            await breaks.queue(connection, run_id, now())
        return [row["id"] for row in await breaks.waiting(connection)]
