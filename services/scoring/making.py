"""What `ussd scorecard` does with files: fit, check and explain. Each gives the text to print."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core_ext.scorecard import Scorecard, ScorecardError
from services import documents
from services.scoring import dataset, fitting, picture, written
from services.scoring.features import NAMES
from services.scoring.fitting import Choices
from ussd_engine.errors import UssdError


@dataclass(slots=True, frozen=True)
class Columns:
    """How columns of the data are read: see services/scoring/dataset.py."""

    categories: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def make(data: Path, out: Path, drawn: Path, choices: Choices, columns: Columns) -> str:
    """Fit, and write the YAML and the picture. Gives the report. Raises UssdError."""
    if (choices.points.least is None) != (choices.points.most is None):
        raise UssdError("--min and --max go together.")
    if choices.points.least is not None and choices.points.least >= (choices.points.most or 0):
        raise UssdError("--min must be less than --max.")
    picture.check(drawn)
    fitting.require("optbinning")
    found = dataset.read(
        data, categories=columns.categories, ignored=columns.ignored, missing=columns.missing
    )
    fitted = fitting.fit(found, choices)
    said = written.report(fitted)
    how = f"Made by ussd scorecard fit from {data.name}, target {choices.target}, seed {choices.seed}."
    text = written.yaml(fitted.definition, f"{how}\n{said}")
    _reads_back(out.name, text, fitted.definition)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UssdError(f"Cannot write {out}: {error.strerror}.") from None
    picture.draw(fitted, drawn)
    strange = [each.name for each in fitted.features if each.name not in NAMES]
    note = f"\nNothing here measures {', '.join(strange)}: Umoja cannot use it as it is." if strange else ""
    return f"{said}\nWritten: {out}, {drawn}. Look at its bands before you publish it.{note}"


def check(file: Path) -> tuple[str, bool]:
    """What is wrong with a scorecard, or what it is; and whether it is sound."""
    document, card = _read(file)
    if card is None:
        faults = [f"{p.file}:{p.line}:{p.column}: {p.message}" for p in document.problems]
        return "\n".join(faults), False
    strange = [name for name in card.names if name not in NAMES]
    note = f"\nNothing here measures {', '.join(strange)}." if strange else ""
    return (
        f"{file}: version {card.version}, {len(card.names)} features, scores from {card.min_score} to "
        f"{card.max_score}\nhash {card.digest}{note}"
    ), True


def explain(file: Path, data: list[str]) -> str:
    """Points, score, decision and reasons of one applicant given as name=value; nothing is missing."""
    document, card = _read(file)
    if card is None:
        raise UssdError(f"{file} has faults. Run: ussd scorecard check {file}")
    kinds = {feature["name"]: feature["type"] for feature in document.value["features"]}
    values: dict[str, float | str | None] = dict.fromkeys(card.names)
    for pair in data:
        name, equals, value = pair.partition("=")
        if name not in kinds or not equals:
            raise UssdError(f"--data is name=value; the names are {', '.join(kinds)}.")
        values[name] = (value or None) if kinds[name] == "category" else _number(name, value)
    points, score = card.points(values), card.score(values)
    decision, band = card.decide(score)
    width = max(map(len, points))
    lines = [f"{name:{width}}  {given:+6}" for name, given in points.items()]
    reasons = ", ".join(card.reasons(values)) or "none"
    limit = card.bands[band].limit_cents
    return "\n".join(
        [
            *lines,
            f"{'base':{width}}  {card.base_points:+6}",
            f"{'score':{width}}  {score:6}",
            f"{decision}, limit KES {limit // 100:,}; reasons: {reasons}",
        ]
    )


def _read(file: Path) -> tuple[documents.Document, Scorecard | None]:
    try:
        document = documents.read(file.name, file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UssdError(f"Cannot read {file}: {error}") from None
    if document.problems:
        return document, None
    try:
        return document, Scorecard.from_dict(document.value)
    except ScorecardError as error:
        for path, message in error.problems:
            document.problem(path, message)
        return document, None


def _reads_back(name: str, text: str, definition: dict[str, Any]) -> None:
    """What is written is the same scorecard when it is read. Edges of very many digits are not."""
    document = documents.read(name, text)
    try:
        same = Scorecard.from_dict(document.value).digest == Scorecard.from_dict(definition).digest
    except ScorecardError:
        same = False
    if document.problems or not same:
        raise UssdError(
            "The data's numbers are too large, or too near to nothing, for a scorecard. Scale the column."
        )


def _number(name: str, value: str) -> float | None:
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UssdError(f"{name} is a number, not {value!r}.")
    return number
