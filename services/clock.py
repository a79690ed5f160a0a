"""What day it is in Nairobi: due dates and statements are dates there, wherever the server stands."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

NAIROBI = ZoneInfo("Africa/Nairobi")


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def nairobi_date(moment: datetime) -> date:
    """The date in Nairobi at that moment."""
    return moment.astimezone(NAIROBI).date()
