"""Listing loans at a credit reference bureau, as rules.yaml says, once a day. For changing this file:

1. Nobody is listed without a notice that reached the gateway, and the days between them.
2. On the day of listing everything is looked at again: the state, the days, what is owed.
3. Whoever pays is taken off, and both are told.

    noticed ─ listed ─ corrected        a notice that did not leave is given again, and the days count anew
       └───── lapsed: paid, given more time, or too little is owed

A day's run may be repeated, and a missed one is made up for: nothing counts days by runs. Whatever is told
to the borrower is asked for in the transaction of its cause.
"""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import structlog

from services import alerts
from services.crb import queries
from services.loans import queries as loan_queries
from services.rules.model import Bureau
from services.sms import notices

BATCH = 200
MOST_NOTICES = 3  # then a person is told, and it goes on being tried each week
GIVEN = ("accepted", "delivered")  # the gateway took the message, and nobody said that it failed
UNDER_WAY = ("queued", "sending")
AGAIN_DAYS = 7

log = structlog.get_logger("umoja.crb")


async def run(pool: Any, rules: Bureau, today: date) -> Counter[str]:
    """What is due today (Nairobi's). Gives how many of each were done."""
    done: Counter[str] = Counter()
    last = 0
    while True:
        ids = [row["id"] for row in await pool.fetch(queries.OPEN_IDS, last, BATCH)]
        for number in ids:
            async with pool.acquire() as connection, connection.transaction():
                done.update(await _go_on(connection, rules, number, today))
        if len(ids) < BATCH:
            break
        last = ids[-1]
    done["noticed"] = await _notice(pool, rules, today)
    counts = +done
    log.info("crb", day=today.isoformat(), **counts)
    return counts


async def _notice(pool: Any, rules: Bureau, today: date) -> int:
    """Warn those who are due for it."""
    asked, last = 0, 0
    chosen = today, list(rules.states), rules.late_days
    while True:
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(queries.TO_NOTICE, *chosen, last, BATCH)
            for row in rows:
                if row["owed_cents"] <= rules.above_cents:
                    continue
                key = _key("notice", row["ref"], today)
                if await connection.fetchval(queries.NOTICE, row["id"], row["borrower_id"], key, today):
                    await _warn(connection, rules, row, row["id"], key, today)
                    asked += 1
        if len(rows) < BATCH:
            return asked
        last = rows[-1]["id"]


async def _go_on(connection: Any, rules: Bureau, number: int, today: date) -> list[str]:
    """One open listing, a step further. Gives what was done."""
    whose = await connection.fetchrow(queries.WHOSE, number)
    await connection.fetchval(loan_queries.LOCK_BORROWER_BY_ID, whose["borrower_id"])
    await connection.fetchrow(loan_queries.LOCK_LOAN, whose["loan_id"])
    row = await connection.fetchrow(queries.STANDS, number)
    if row["state"] == "listed":
        return await _listed(connection, rules, row, today)
    if row["state"] != "noticed":
        return []  # somebody else was quicker
    days_late = (today - row["due_on"]).days
    if (
        row["loan_state"] not in rules.states
        or row["owed_cents"] <= rules.above_cents
        or days_late < rules.late_days
    ):
        await connection.execute(queries.END, number, "lapsed", today)
        return ["lapsed"]
    if row["notice_state"] not in GIVEN:
        return await _notice_again(connection, rules, row, today)
    list_from = row["given_on"] + timedelta(days=rules.notice_days)
    if row["list_from"] != list_from:
        await connection.execute(queries.GIVEN, number, list_from)
    if today < list_from:
        return []
    key = _key("listed", row["ref"], today)
    await connection.execute(queries.LIST, number, today, row["owed_cents"], days_late, key)
    await _tell(connection, "crb_listed", row, key, today, owed=row["owed_cents"])
    return ["listed"]


async def _notice_again(connection: Any, rules: Bureau, row: Any, today: date) -> list[str]:
    """The notice did not leave, or nobody knows: the borrower is owed another one."""
    wait = 1 if row["notices"] < MOST_NOTICES else AGAIN_DAYS
    if row["notice_state"] in UNDER_WAY or (today - row["noticed_on"]).days < wait:
        return []
    if row["notices"] == MOST_NOTICES:
        alerts.tell(log, "crb_notice_does_not_arrive", listing=row["id"])
    key = _key("notice", row["ref"], today)
    await connection.execute(queries.NOTICE_AGAIN, row["id"], key, today)
    await _warn(connection, rules, row, row["loan_id"], key, today)
    return ["noticed_again"]


async def _listed(connection: Any, rules: Bureau, row: Any, today: date) -> list[str]:
    """Paid: corrected, and told. Else: whether the borrower heard that they were listed."""
    if row["owed_cents"] <= 0:
        await connection.execute(queries.END, row["id"], "corrected", today)
        await _tell(connection, "crb_corrected", row, _key("corrected", row["ref"], today), today)
        return ["corrected"]
    key = _key("listed", row["ref"], today)
    if row["told_state"] in (*GIVEN, *UNDER_WAY) or row["told_key"] == key:
        return []
    if today > row["listed_on"] + timedelta(days=rules.tell_days):
        return []
    if today == row["listed_on"] + timedelta(days=rules.tell_days):
        alerts.tell(log, "crb_listing_not_told", listing=row["id"])
    await connection.execute(queries.TOLD, row["id"], key)
    await _tell(connection, "crb_listed", row, key, row["listed_on"], owed=row["owed_cents"])
    return ["told_again"]


async def _warn(connection: Any, rules: Bureau, row: Any, loan_id: int, key: str, today: date) -> None:
    """The notice itself. The date it names is the earliest day of the listing, counted from today."""
    on = today + timedelta(days=rules.notice_days)
    details = {"ref": row["ref"], "owed": row["owed_cents"], "on": on.isoformat()}
    await notices.ask(connection, key, "crb_notice", row["borrower_id"], details, loan_id)


async def _tell(connection: Any, notice: str, row: Any, key: str, on: date, **more: int) -> None:
    details = {"ref": row["ref"], "on": on.isoformat(), **more}
    await notices.ask(connection, key, notice, row["borrower_id"], details, row["loan_id"])


def _key(what: str, ref: str, today: date) -> str:
    """One message a day about it."""
    return f"crb_{what}:{ref}:{today.isoformat()}"
