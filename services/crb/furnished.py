"""What goes to the bureau: the rows of a day's file. Who writes the file writes it as often as it likes; the
rows of a day that is over are always the same, but for who was forgotten since.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from services.crb import queries

BATCH = 500


@dataclass(slots=True, frozen=True)
class Furnished:
    """A loan that is listed on that day, or corrected: it is paid. Money is cents; owed_cents is 0 for a
    correction. A borrower who was both on one day is one row, the correction."""

    what: Literal["listed", "corrected"]
    name: str
    national_id: str
    msisdn: str
    ref: str
    product: str
    principal_cents: int
    disbursed_on: date
    due_on: date
    loan_state: str
    noticed_on: date
    listed_on: date
    listed_cents: int
    days_late: int
    owed_cents: int
    corrected_on: date | None


async def rows(connection: Any, day: date) -> AsyncIterator[Furnished]:
    """What the bureau is told of that day (Nairobi's), in the order of the listings."""
    last = 0
    while True:
        found = await connection.fetch(queries.OF_DAY, day, last, BATCH)
        for row in found:
            values = dict(row)
            del values["id"]
            yield Furnished(**{**values, "name": row["name"] or "", "national_id": row["national_id"] or ""})
        if len(found) < BATCH:
            return
        last = found[-1]["id"]
