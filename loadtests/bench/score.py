"""The scorer: one applicant through the Python API, and a batch against NumPy and optbinning.

All on one core, in one run, with one scorecard of twelve features (scorecard.yaml). Every row of every
batch is compared before anything is timed. The contenders take turns, so that what else the machine does
falls on all of them alike.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from core_ext import COMPILED
from core_ext.scorecard import Scorecard
from loadtests.bench.machine import cores, description
from loadtests.bench.report import Report, spread
from services.scoring.score import assess
from ussd_engine.errors import UssdError

CARD = Path(__file__).with_name("scorecard.yaml")
APPLICANTS = 1_000  # scored one by one: all different, so that no branch is learned by heart
SLICES = 10  # of the quick ones, for each of the slow ones
LEAST_RATIOS = {"numpy": 5.0, "optbinning": 100.0}


@dataclass(slots=True)
class Contender:
    """One way to score: what a call does, how many it scores, and the seconds each call took."""

    name: str
    label: str
    call: Callable[[], Any]
    count: int
    slices: int = 1
    seconds: list[float] = field(default_factory=list)

    @property
    def each_ns(self) -> list[float]:
        """Nanoseconds for each one scored."""
        return [seconds / self.count * 1e9 for seconds in self.seconds]

    @property
    def rate(self) -> float:
        """Scored in a second, of the median call."""
        return self.count / statistics.median(self.seconds)


def options(parser: argparse.ArgumentParser) -> None:
    """What only this bench is told."""
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the batch (default 1000000)")


def run(options: argparse.Namespace) -> Report:
    """Check that all agree on every row, then time them in turn."""
    if options.rows < APPLICANTS:
        raise UssdError(f"--rows: the least is {APPLICANTS}.")
    try:
        from loadtests.bench import scorers  # noqa: PLC0415 (NumPy is for this bench only)
    except ModuleNotFoundError as error:
        raise UssdError(f"{error.name} is not installed. Run: make install") from error
    pinned = cores()
    with pinned.on_server():
        contenders, faults = _contenders(scorers, options.rows)
        for _ in range(options.repeats):
            for contender in contenders:
                _time(contender)
    found = {contender.name: contender for contender in contenders}
    report = Report(_values(found, options), _rows(found), faults=faults)
    report.values["machine"] = description(pinned)
    report.notes += _notes(found, report.values)
    if not COMPILED:
        report.faults.append("core_ext is not compiled. Run: make install")
    return report


def _contenders(scorers: Any, rows: int) -> tuple[list[Contender], list[str]]:
    """Everyone who scores, and where they did not agree."""
    np = scorers.np
    card = yaml.safe_load(CARD.read_text(encoding="utf-8"))
    columns = scorers.people(card, rows)
    other = scorers.optbinning(card, columns)
    card = card if other is None else other.card
    scorecard = Scorecard.from_dict(card)
    alone = scorers.applicants(card, columns, APPLICANTS)
    matrix, out = np.ascontiguousarray(columns.T), np.zeros(rows, dtype=np.int32)
    in_numpy = scorers.Numpy(card, columns)

    scorecard.batch(matrix, out)
    answers = {
        "one by one": [scorecard.score(values) for values in alone],
        "the YAML read plainly": [scorers.plainly(card, values) for values in alone],
        "the batch by rows": out.copy(),
        "NumPy, searching": in_numpy.search(),
        "NumPy, comparing": in_numpy.compare(),
    }
    scorecard.batch_columns(columns, out)
    contenders = [
        Contender("one", "one applicant, score()", lambda: _all(scorecard.score, alone), APPLICANTS, SLICES),
        Contender("assess", "one applicant, score, band, reasons, points",
                  lambda: _all(partial(assess, scorecard), alone), APPLICANTS, SLICES),
        Contender("columns", "batch by columns",
                  lambda: scorecard.batch_columns(columns, out), rows, SLICES),
        Contender("rows", "batch by rows", lambda: scorecard.batch(matrix, out), rows, SLICES),
        Contender("numpy", "NumPy, searchsorted and take", in_numpy.search, rows),
        Contender("numpy_compare", "NumPy, comparing block by block", in_numpy.compare, rows),
    ]  # fmt: skip
    if other is not None:
        answers["optbinning"] = other.score()
        contenders.append(Contender("optbinning", "optbinning, Scorecard.score", other.score, rows))
    return contenders, _disagreements(np, answers, out)


def _disagreements(np: Any, answers: dict[str, Any], expected: Any) -> list[str]:
    """Who did not score as the batch by columns did. Some scored only the first of the people."""
    faults = []
    for name, scores in answers.items():
        wrong = int(np.count_nonzero(np.asarray(scores) != expected[: len(scores)]))
        if wrong:
            faults.append(f"{name}: {wrong} of {len(scores)} scores are not those of the batch by columns")
    return faults


def _all(score: Callable[[Any], object], alone: list[Any]) -> None:
    for values in alone:
        score(values)


def _time(contender: Contender) -> None:
    for _ in range(contender.slices):
        began = time.perf_counter()
        contender.call()
        contender.seconds.append(time.perf_counter() - began)


def _values(found: dict[str, Contender], options: argparse.Namespace) -> dict[str, Any]:
    quick = found["columns"].rate
    rivals = [name for name in ("numpy", "numpy_compare", "optbinning") if name in found]
    return {
        "one_ns": round(statistics.median(found["one"].each_ns), 1),
        "assess_ns": round(statistics.median(found["assess"].each_ns), 1),
        **{
            f"{name}_rows_per_second": round(contender.rate)
            for name, contender in found.items()
            if name not in ("one", "assess")
        },
        "ratios": {name: round(quick / found[name].rate, 2) for name in rivals},
        "ratios_by_rows": {name: round(found["rows"].rate / found[name].rate, 2) for name in rivals},
        "spread_ns": {name: spread(contender.each_ns, 3) for name, contender in found.items()},
        "rows": options.rows,
        "repeats": options.repeats,
        "compiled": COMPILED,
    }


def _rows(found: dict[str, Contender]) -> list[tuple[str, ...]]:
    quick = found["columns"].rate
    rows: list[tuple[str, ...]] = [("", "ns each", "min", "max", "million/s", "batch is")]
    for name, contender in found.items():
        each = spread(contender.each_ns, 3)
        times = "" if name in ("one", "assess", "columns") else f"{quick / contender.rate:.1f} x"
        numbers = [f"{each[part]:,.1f}" for part in ("median", "min", "max")]
        rows.append((contender.label, *numbers, f"{contender.rate / 1e6:,.2f}", times))
    return rows


def _notes(found: dict[str, Contender], values: dict[str, Any]) -> list[str]:
    notes = [f"12 features, {values['rows']:,} rows, one core."]
    if "optbinning" not in found:
        notes.append("optbinning was left out: it is not installed. Run: make install-fit")
    for name, least in LEAST_RATIOS.items():
        if name in found and values["ratios"][name] < least:
            notes.append(f"The batch is less than {least:g} times {name} here.")
    return notes
