"""Retention: what is older than `keep:` of rules.yaml says is forgotten, each night.

A bounded number of rows at a time, each batch a transaction of its own, so that no lock lasts and a run that
was cut off goes on with the next one. What it did is a row of retention_run, and a log line.
"""

from collections.abc import Mapping
from typing import Any

import orjson
import structlog

from services.mpesa.queries import PRUNE_CALLBACKS as PRUNE_MPESA
from services.privacy import queries
from services.privacy.forgetting import forget
from services.rules.model import Keep
from services.sms.queries import PRUNE_CALLBACKS as PRUNE_REPORTS
from services.tasks.relay import PRUNE as PRUNE_OUTBOX

BATCH = 5_000
PEOPLE = 500  # of them at once

log = structlog.get_logger("umoja.privacy")


def steps(keep: Keep) -> Mapping[str, tuple[str, int]]:
    """What is deleted or emptied by its age: the statement, and the age in days."""
    return {
        "messages": (queries.FORGET_WORDS, keep.messages_days),
        "reports": (PRUNE_REPORTS, keep.reports_days),
        "callbacks": (PRUNE_MPESA, keep.callbacks_days),
        "statements": (queries.PRUNE_STATEMENTS, keep.statements_days),
        "answers": (queries.PRUNE_ANSWERS, keep.answers_days),
        "outbox": (PRUNE_OUTBOX, keep.outbox_days),
        "audit": (queries.PRUNE_AUDIT, keep.audit_days),
    }


async def run(pool: Any, keep: Keep, rules: str) -> dict[str, int]:
    """Forget all that is over. rules names whose rules these are. Gives how many of each."""
    counts = {}
    for name, (statement, days) in steps(keep).items():
        counts[name] = await _in_batches(pool, statement, days)
    counts["strangers"] = await _people(pool, queries.STRANGERS, keep.strangers_days)
    counts["borrowers"] = await _people(pool, queries.CLOSED, keep.borrowers_days)
    await pool.execute(queries.KEEP_RUN, rules, orjson.dumps(counts).decode())
    log.info("forgotten", **counts)
    return counts


async def _in_batches(pool: Any, statement: str, days: int) -> int:
    rows = 0
    while True:
        status: str = await pool.execute(statement, days, BATCH)
        done = int(status.rpartition(" ")[2])
        rows += done
        if done < BATCH:
            return rows


async def _people(pool: Any, statement: str, days: int) -> int:
    """Forget those that the statement finds, each in a transaction of their own. One who was found and moved
    on meanwhile (they joined, they borrowed) is looked at again under the lock."""
    people, last = 0, 0
    while True:
        found = await pool.fetch(statement, days, PEOPLE, last, None)
        for row in found:
            async with pool.acquire() as connection, connection.transaction():
                await connection.fetchrow(queries.LOCK, row["id"])
                if await connection.fetchval(statement, days, 1, 0, row["id"]) is not None:
                    people += await forget(connection, row["id"])
        if len(found) < PEOPLE:
            return people
        last = found[-1]["id"]
