"""Counters and histograms cheap enough for every turn, read by prometheus-client when it scrapes.

A process serves its turns on one event loop, so a cell needs no lock: `inc` is one integer addition
(0.05 µs where prometheus-client's own counter was measured at 0.44 µs), `observe` one bisection
(0.12 µs against 0.88 µs). Label values are bound once, with `labels`, and the cell is kept by whoever
counts. A family takes no more than `MAX_CELLS` label sets; what comes after is counted under `other`,
so that nothing a caller sends can grow the page without end.
"""

import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from core_ext.cells import Count, Spread

PREFIX = "ussd_"
MAX_CELLS = 500
OVERFLOW = "other"

Dump = list[tuple[tuple[str, ...], list[float]]]
Dumps = Mapping[str, Dump]  # by the name of the family

# Seconds. A turn without an action is under 1 ms, the gateway's patience ends at 8 to 15 s.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 8.0, 15.0)


class Counts:
    """A family of counters, or of gauges: one cell for each set of label values.

    gauge says how the cells of several workers make one: their "sum", or the "max" of them.
    """

    def __init__(
        self,
        name: str,
        help_text: str,
        *labels: str,
        gauge: Literal["", "sum", "max"] = "",
        prefix: str = PREFIX,
    ) -> None:
        self.name = prefix + name
        self.gauge = gauge
        self._help = help_text
        self._labels = labels
        self._cells: dict[tuple[str, ...], Count] = {}
        if not labels:
            self.labels()

    def labels(self, *values: str) -> Count:
        """The cell of these label values; keep it, and call `inc` on it."""
        cell = self._cells.get(values)
        if cell is None:
            key = _bounded(values, self._labels, len(self._cells))
            cell = self._cells.setdefault(key, Count())
        return cell

    def inc(self, by: float = 1) -> None:
        """Add, in a family without labels."""
        self._cells[()].value += by

    def clear(self) -> None:
        """Forget every cell; for gauges whose label sets come and go."""
        self._cells.clear()

    def value(self, *values: str) -> float:
        """What the cell says; 0 when nothing was counted."""
        cell = self._cells.get(values)
        return 0 if cell is None else cell.value

    def dump(self) -> Dump:
        """Every cell: its label values, and its value in a list."""
        return [(values, [cell.value]) for values, cell in self._cells.items()]

    def family(self, others: Iterable[Dump] = ()) -> Metric:
        """The family as prometheus-client shows it, together with what other workers dumped."""
        kind = GaugeMetricFamily if self.gauge else CounterMetricFamily
        metric = kind(self.name, self._help, labels=self._labels)
        join = max if self.gauge == "max" else operator.add
        for values, (value,) in joined(self.dump(), others, join).items():
            metric.add_metric(values, value)
        return metric


class Spreads:
    """A family of histograms, one cell for each set of label values."""

    gauge = ""

    def __init__(self, name: str, help_text: str, *labels: str, prefix: str = PREFIX) -> None:
        self.name = prefix + name
        self._help = help_text
        self._labels = labels
        self._cells: dict[tuple[str, ...], Spread] = {}
        if not labels:
            self.labels()

    def labels(self, *values: str) -> Spread:
        """The cell of these label values; keep it, and call `observe` on it."""
        cell = self._cells.get(values)
        if cell is None:
            key = _bounded(values, self._labels, len(self._cells))
            cell = self._cells.setdefault(key, Spread(SECONDS))
        return cell

    def dump(self) -> Dump:
        """Every cell: its label values, and its counts with the sum at their end."""
        return [(values, [*cell.counts, cell.sum]) for values, cell in self._cells.items()]

    def family(self, others: Iterable[Dump] = ()) -> Metric:
        """The family as prometheus-client shows it, together with what other workers dumped."""
        metric = HistogramMetricFamily(self.name, self._help, labels=self._labels)
        for values, (*counts, total) in joined(self.dump(), others, operator.add).items():
            cumulative = itertools.accumulate(counts)
            buckets = list(zip((*map(str, SECONDS), "+Inf"), cumulative, strict=True))
            metric.add_metric(values, buckets=buckets, sum_value=total)
        return metric


class Cells:
    """A prometheus-client collector over families. others gives what other workers' families hold."""

    def __init__(self, families: Sequence[Counts | Spreads]) -> None:
        self._families = families
        self.others: Callable[[], list[Dumps]] = list

    def collect(self) -> Iterator[Metric]:
        """Every family, as it is now."""
        others = self.others()
        for family in self._families:
            yield family.family([dumps[family.name] for dumps in others if family.name in dumps])

    def describe(self) -> Iterator[Metric]:
        """The names; so that registering does not collect."""
        for family in self._families:
            yield family.family()


def joined(
    own: Dump, others: Iterable[Dump], join: Callable[[float, float], float] = operator.add
) -> dict[tuple[str, ...], list[float]]:
    """The cells of several processes as one's: those with the same label values become one."""
    one: dict[tuple[str, ...], list[float]] = {}
    for dump in (own, *others):
        for labels, numbers in dump:
            values = tuple(labels)
            held = one.get(values)
            one[values] = numbers if held is None else list(map(join, held, numbers))
    return one


def _bounded(values: tuple[str, ...], labels: tuple[str, ...], cells: int) -> tuple[str, ...]:
    if len(values) != len(labels):
        raise ValueError(f"labels are {labels}, got {len(values)} values")
    return values if cells < MAX_CELLS else (OVERFLOW,) * len(labels)
