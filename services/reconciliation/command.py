"""One reconciliation from the command line or a job: it connects, asks, compares, and says what is open."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

import asyncpg

from services import clock
from services.clock import NAIROBI
from services.mpesa import client
from services.mpesa import settings as mpesa_settings
from services.reconciliation import report, running
from services.reconciliation.lines import Account
from ussd_engine.errors import UssdError
from ussd_engine.pool import connect
from ussd_engine.settings import Settings

Way = Literal["csv", "pull", "status"]


@dataclass(slots=True, frozen=True)
class Wish:
    """What to reconcile. A period is needed for all but a file."""

    way: Way
    made_by: str
    file: Path | None = None
    shortcode: str = ""
    account: Account | None = None
    period: tuple[datetime, datetime] | None = None
    wait_s: float = 0


async def reconcile(chosen: Settings, wish: Wish) -> dict[str, Any]:
    """Make the run, and give its report. Raises UssdError for what is wrong with the wish."""
    connection = await connect(chosen.database_url)
    try:
        number = await _made(connection, chosen, wish)
        found = await report.run(connection, number)
    except asyncpg.UndefinedTableError:
        raise UssdError("The database lacks tables of the ledger. Run: ussd migrate") from None
    finally:
        await connection.close()
    assert found is not None
    return found


async def _made(connection: Any, chosen: Settings, wish: Wish) -> int:
    if wish.way == "csv":
        assert wish.file is not None
        return await running.of_statement(
            connection, wish.file, wish.shortcode, wish.made_by, account=wish.account, period=wish.period
        )
    since, until = wish.period or _yesterday()
    mpesa = mpesa_settings.read(chosen)
    mpesa.require_complete()
    secret = chosen.secret.get_secret_value().encode()
    async with client.opened(mpesa, secret, chosen.redis_url) as daraja:
        if wish.way == "pull":
            return await running.of_pull(connection, daraja, since, until, wish.made_by)
        return await running.of_status(connection, daraja, since, until, wish.made_by, wait_s=wish.wait_s)


def period(since: str, until: str) -> tuple[datetime, datetime] | None:
    """A period of Nairobi's time from two words: a date, or a date and a time. A date is a whole day, to
    its end. None for two empty words. Raises UssdError."""
    if not since and not until:
        return None
    first = moment(since or until, time.min)
    last = moment(until or since, time.max.replace(microsecond=0))
    if first > last:
        raise UssdError("--from must not be after --to.")
    return first, last


def moment(word: str, of_day: time) -> datetime:
    """A time of Nairobi's; a date alone means that time of the day. Raises UssdError."""
    try:
        if len(word) == len("2026-11-23"):
            return datetime.combine(date.fromisoformat(word), of_day, NAIROBI)
        at = datetime.fromisoformat(word)
    except ValueError:
        raise UssdError(f"{word!r} is not a date such as 2026-11-23, or 2026-11-23T08:00.") from None
    return at if at.tzinfo else at.replace(tzinfo=NAIROBI)


def whole_day(day: date) -> tuple[datetime, datetime]:
    """A day of Nairobi's, from its first second to its last."""
    return (
        datetime.combine(day, time.min, NAIROBI),
        datetime.combine(day, time.max.replace(microsecond=0), NAIROBI),
    )


def _yesterday() -> tuple[datetime, datetime]:
    return whole_day(clock.nairobi_date(clock.now()) - timedelta(days=1))
