"""Reminders: on fixed days before and after the due date, one SMS each, with what is owed that day.

The days, and what is said on each, are in sms.yaml. A reminder's key is the loan, its due date and the
day, so that a day's run may be repeated as often as anybody likes. A day on which nothing ran is left out:
a late "due tomorrow" is wrong, and made-up days could stand beside the next one. With the days of sms.yaml
never three in a row, nobody is reminded three days running. And rules.yaml says how many a day and a week one
person gets at most, whatever the days are.
"""

from datetime import date, timedelta
from typing import Any

from services.rules.model import Contact
from services.sms import notices, queries
from services.sms.texts import Texts

BATCH = 200


async def remind(pool: Any, texts: Texts, today: date, rules: Contact | None = None) -> int:
    """Ask for today's reminders; how many were new. today is Nairobi's."""
    most = rules or Contact()
    due_on = [today - timedelta(days=day) for day in texts.reminders]
    asked, last = 0, 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(queries.DUE, today, due_on, last, BATCH)
            for row in rows:
                asked += await _ask(connection, texts, row, today, most)
        if len(rows) < BATCH:
            return asked
        last = rows[-1]["id"]


async def _ask(connection: Any, texts: Texts, row: Any, today: date, most: Contact) -> bool:
    had = await connection.fetchrow(queries.REMINDED, row["borrower_id"], today)
    if had["in_day"] >= most.reminders_a_day or had["in_week"] >= most.reminders_a_week:
        return False
    notice = texts.reminders[row["days"]]
    due = row["due_on"].isoformat()
    details = {"ref": row["ref"], "owed": row["owed_cents"], "due": due}
    if "days" in notices.NOTICES[notice].slots:
        details["days"] = abs(row["days"])
    key = f"reminder:{row['ref']}:{due}:{row['days']}"
    return await notices.ask(connection, key, notice, row["borrower_id"], details, row["id"])
