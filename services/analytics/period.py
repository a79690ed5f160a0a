"""The days a figure is asked for, and how shares are written."""

from datetime import date, datetime, time, timedelta

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services import clock

MOST_DAYS = 800


class Figures(BaseModel):
    """What every answer says beside its figures."""

    as_of: datetime | None = Field(None, description="When they were true; at most a minute ago.")


class Period(BaseModel):
    """Days in Nairobi, from the first to the last, both of them in it."""

    model_config = ConfigDict(frozen=True)

    since: date
    until: date

    @model_validator(mode="after")
    def _in_order(self) -> "Period":
        if self.until < self.since:
            raise ValueError("until is before since")
        if (self.until - self.since).days >= MOST_DAYS:
            raise ValueError(f"at most {MOST_DAYS} days at once")
        return self

    @property
    def begins(self) -> datetime:
        """The first moment in it."""
        return datetime.combine(self.since, time(), clock.NAIROBI)

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.until + timedelta(days=1), time(), clock.NAIROBI)


def share(part: int, whole: int) -> float | None:
    """A share between 0 and 1, to four places; None of nothing."""
    return round(part / whole, 4) if whole else None
