"""The days of a made-up lender: day 0 is its first, `today` the day that has just begun.

Nairobi is three hours ahead of UTC all year, so a moment is the text of a day, of a second, and +03.
"""

from datetime import date, timedelta

HOURS = [f"{hour:02}" for hour in range(24)]
SIXTIES = [f"{part:02}" for part in range(60)]
CLOCK = [f"{hour}:{minute}:{second}+03" for hour in HOURS for minute in SIXTIES for second in SIXTIES]
AHEAD = 400  # days after today that a due date may be


class Calendar:
    """The days as dates and as text."""

    def __init__(self, last: date, days: int) -> None:
        """last: the last whole day. days: how many there are up to it."""
        self.today = days
        self.first = last - timedelta(days=days - 1)
        self.dates = [self.first + timedelta(days=day) for day in range(days + AHEAD)]
        self.iso = [day.isoformat() for day in self.dates]

    def at(self, day: int, second: int) -> str:
        """A moment, as COPY takes it."""
        return f"{self.iso[day]} {CLOCK[second]}"


class Numbers:
    """Ids of one table that grow with the days, as they would have been given out: each day has a range of
    its own, and gaps are left, as sequences leave them."""

    def __init__(self, days: int, width: int, start: int = 1) -> None:
        self._next = [start + day * width for day in range(days + 2)]
        self._start, self._width = start, width

    def take(self, day: int) -> int:
        """The next id of that day."""
        number = self._next[day]
        self._next[day] = number + 1
        assert number < self._start + (day + 1) * self._width, "more rows on a day than it has ids"
        return number
