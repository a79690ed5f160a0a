"""Data that a scorecard is fitted to or tried on: a CSV file, read strictly into columns.

The first line names the columns. A column whose every value is a finite number is a number, any other is
a category; an empty cell (or one of the words given as missing) is missing. Nothing is guessed beyond
that, and a line with too few or too many cells is refused with its number.
"""

import csv
import hashlib
import io
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ussd_engine.errors import UssdError

MAX_BYTES = 500_000_000
MAX_COLUMNS = 500
Value = float | str | None
Row = dict[str, Value]


@dataclass(slots=True, frozen=True)
class Dataset:
    """Columns by name, in the file's order, all of one length."""

    columns: Mapping[str, Sequence[Value]]
    categories: frozenset[str]
    sha256: str

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def rows(self, names: Sequence[str], places: Sequence[int]) -> list[Row]:
        """Those rows, with these columns only."""
        return [{name: self.columns[name][place] for name in names} for place in places]


def read(
    path: Path, *, categories: Sequence[str] = (), ignored: Sequence[str] = (), missing: Sequence[str] = ()
) -> Dataset:
    """Read a CSV file. categories: columns whose numbers are names; missing: words for no value.

    Raises UssdError, with the line.
    """
    lines, sha256 = _lines(path)
    header = [name.strip() for name in lines[0]]
    if len(set(header)) != len(header) or not all(header) or len(header) > MAX_COLUMNS:
        raise UssdError(f"{path}: the first line must name 1 to {MAX_COLUMNS} columns, each once.")
    for name in (*categories, *ignored):
        if name not in header:
            raise UssdError(f"{path}: there is no column {name}. There are {', '.join(header)}.")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            raise UssdError(f"{path}: record {number} has {len(line)} cells, the first line {len(header)}.")
    nothing = {"", *missing}
    texts = {
        name: [None if line[place].strip() in nothing else line[place].strip() for line in lines[1:]]
        for place, name in enumerate(header)
        if name not in ignored
    }
    columns: dict[str, Sequence[Value]] = {}
    for name, cells in texts.items():
        numbers = None if name in categories else _numbers(cells)
        columns[name] = cells if numbers is None else numbers
    named = frozenset(name for name, cells in columns.items() if any(isinstance(c, str) for c in cells))
    return Dataset(columns, named, sha256)


def target(data: Dataset, name: str, bad: str) -> list[bool]:
    """Who turned out bad: whose cell in that column is `bad`. Raises UssdError when it is no yes-or-no."""
    if name not in data.columns:
        raise UssdError(f"There is no column {name}. There are {', '.join(data.columns)}.")
    cells = [_text(value) for value in data.columns[name]]
    values = sorted(set(cells))
    if "" in values:
        raise UssdError(
            f"{name} is empty in record {cells.index('') + 2}: the outcome of each must be known."
        )
    if len(values) != 2 or bad not in values:
        shown = ", ".join(values[:6]) + (" …" if len(values) > 6 else "")
        raise UssdError(f"{name} must have two values, one of them {bad!r} (--bad). It has: {shown}.")
    return [cell == bad for cell in cells]


def split(bad: Sequence[bool], test_share: float, seed: int) -> tuple[list[int], list[int]]:
    """Places of the rows to fit to and of those held out, with the same share of bad ones in both."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    train: list[int] = []
    test: list[int] = []
    for kind in (False, True):
        places = [place for place, value in enumerate(bad) if value is kind]
        chance.shuffle(places)
        held = round(len(places) * test_share)
        test += places[:held]
        train += places[held:]
    return sorted(train), sorted(test)


def _lines(path: Path) -> tuple[list[list[str]], str]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UssdError(f"{path} has more than {MAX_BYTES // 1_000_000} MB.")
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except OSError as error:
        raise UssdError(f"Cannot read {path}: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UssdError(f"{path} is no CSV file in UTF-8: {error}.") from None
    if len(lines) < 2:
        raise UssdError(f"{path} has no rows.")
    return lines, hashlib.sha256(raw).hexdigest()


def _numbers(cells: Sequence[str | None]) -> list[float | None] | None:
    """The cells as numbers; None when one is not a finite one, or when there is none at all."""
    found: list[float | None] = []
    for cell in cells:
        if cell is None:
            found.append(None)
            continue
        try:
            number = float(cell)
        except ValueError:
            return None
        if not math.isfinite(number) or "_" in cell:
            return None
        found.append(number)
    return found


def _text(value: Value) -> str:
    """A target's cell as it was written: 1 and not 1.0."""
    if isinstance(value, float):
        return f"{value:g}"
    return value or ""
