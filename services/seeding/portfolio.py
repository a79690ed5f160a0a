"""The portfolio at the end of each day, added up while loans are made.

What changes on a day is noted on that day; the sum of all days before is the stock. So a loan costs a few
additions, however long it lives. It must be what KEEP_PORTFOLIO (services/loans/day_queries.py) finds.
"""

from itertools import accumulate

PAR_FROM = (1, 31, 61, 91)  # days past due: PAR1 begins with the first, PAR30 is more than thirty …


class Portfolio:
    """The changes of one product, by day."""

    def __init__(self, days: int) -> None:
        size = days + 2
        self.loans = [0] * size
        self.principal = [0] * size
        self.charges = [0] * size
        self.late = [[0] * size for _ in PAR_FROM]
        self.disbursed = [0] * size
        self.repaid = [0] * size
        self.written_off = [0] * size
        self.recovered = [0] * size

    def lines(self, product: str, iso: list[str], days: int) -> list[str]:
        """A row for each of the days that has something to say."""
        stock = [self.loans, self.principal, self.charges, *self.late]
        flow = [self.disbursed, self.repaid, self.written_off, self.recovered]
        columns = [*(list(accumulate(each)) for each in stock), *flow]
        return [
            "\t".join((iso[day], product, *(str(column[day]) for column in columns)))
            for day in range(days)
            if any(column[day] for column in columns)
        ]


class Stake:
    """What one loan adds to the portfolio. due is its due day; before it is late it may still move."""

    __slots__ = ("_in", "_late", "_owed", "_principal", "due")

    def __init__(self, portfolio: Portfolio) -> None:
        self._in = portfolio
        self._principal = self._owed = 0
        self._late = 0  # how many of PAR_FROM it has passed
        self.due = 0

    def until(self, day: int) -> None:
        """It has come to that day: from some day on it counts as late."""
        while self._late < len(PAR_FROM) and self.due + PAR_FROM[self._late] <= day:
            self._in.late[self._late][self.due + PAR_FROM[self._late]] += self._principal
            self._late += 1

    def owes(self, day: int, principal_cents: int, charges_cents: int) -> None:
        """It owes this from that day on."""
        self.until(day)
        change = principal_cents - self._principal
        owed = principal_cents + charges_cents
        self._in.principal[day] += change
        self._in.charges[day] += owed - self._owed - change
        self._in.loans[day] += (owed > 0) - (self._owed > 0)
        for place in range(self._late):
            self._in.late[place][day] += change
        self._principal, self._owed = principal_cents, owed
