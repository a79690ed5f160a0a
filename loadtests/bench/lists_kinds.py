"""The kinds of questions that the lists bench asks, and what it timed of each."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from loadtests.bench.lists_asked import FILTERS, Values
from services.api.operation import Operation

WANTED_MS = 50.0
USUAL = "usual"  # the sort is left out, and the list takes its own


@dataclass(slots=True)
class Kind:
    """Questions of one kind: a list by its name, filters by theirs, a sort."""

    name: str
    filters: tuple[str, ...]
    sort: str
    more: Values = field(default_factory=dict)
    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    slowest: Values = field(default_factory=dict)
    refused: int = 0

    @property
    def label(self) -> str:
        """As the report says it."""
        said = " + ".join(self.filters) or "all"
        more = "".join(f", {name}={value}".lower() for name, value in self.more.items())
        return f"{self.name}: {said}{more}" + ("" if self.sort == USUAL else f", by {self.sort}")

    @property
    def group(self) -> str:
        """Which column of the table it counts in: GROUPS of lists_page."""
        if self.more:
            return "total" if "total" in self.more else "deep"
        return "one" if len(self.filters) < 2 else "pair"

    def at(self, share: float, times: list[float]) -> float:
        """Milliseconds that so many of them did not take longer than: by nearest rank, of 20 the 19th."""
        return sorted(times)[max(math.ceil(share * len(times)) - 1, 0)]

    @property
    def p95_ms(self) -> float:
        """What PostgreSQL computed."""
        return self.at(0.95, self.cpu_ms)


def kinds_of(name: str, operation: Operation) -> Iterator[Kind]:
    """Every filter with every sort, every pair of filters with every sort; deep pages; totals."""
    assert operation.query is not None
    schema = operation.query.model_json_schema()["properties"]["sort"]
    every = schema["enum"]
    for sort in every:
        yield Kind(name, (), sort)
        for one in FILTERS[name]:
            yield Kind(name, (one,), sort)
    plain = [one for one in FILTERS[name] if not one.startswith("q: ")]
    for place, one in enumerate(plain):
        for other in plain[place + 1 :]:
            for sort in every:
                yield Kind(name, (one, other), sort)
    if name in ("users", "wallets", "loans"):
        for one in plain:
            yield Kind(name, ("q: name", one), USUAL)
    yield Kind(name, (), USUAL, {"skip": 10_000})
    yield Kind(name, (), USUAL, {"limit": 500})
    yield Kind(name, (), USUAL, {"total": True})
    for one in FILTERS[name]:
        yield Kind(name, (one,), USUAL, {"total": True})
