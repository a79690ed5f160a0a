"""Reading texts: `{en: "Hello {name|first}", sw: …}` or one string for all languages; and conditions."""

import re

from ussd_engine.menu.findings import Position, Report, did_you_mean, listed, shown
from ussd_engine.menu.model import Condition, Slot, Text, Wording
from ussd_engine.menu.reading.shape import as_scalar
from ussd_engine.menu.source import Mapping, Node, Scalar
from ussd_engine.menu.syntax import ExpressionError, parse

FILTERS = ("money", "number", "percent", "date", "upper", "first", "phone")
LANGUAGES = {"en": "English", "sw": "Swahili"}
MAX_TEXT = 2000

_BRACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SLOT = re.compile(r"\s*([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\s*(?:\|\s*([a-z]*)\s*)?")
_CONTROL = re.compile(r"[^\n\x20-\x7e\u00a0-\U0010ffff]")


def read_text(node: Node | None, what: str, languages: tuple[str, ...], report: Report, at: Node) -> Text:
    """The text in every language. None (already reported as missing) gives a text without words."""
    if node is None:
        return Text(at.at, {})
    if isinstance(node, Mapping):
        return read_languages(node, what, languages, report, strict=True)
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return Text(node.at, {})
    wording = read_wording(scalar, report)
    return Text(node.at, dict.fromkeys(languages, wording))


def read_languages(
    node: Mapping, what: str, languages: tuple[str, ...], report: Report, *, strict: bool
) -> Text:
    """A text from the language keys of a mapping. strict: other keys are reported."""
    found: dict[str, Wording] = {}
    for key, value in node:
        if key.value in languages:
            scalar = as_scalar(value, f"The {language_name(key.value)} text", report)
            if scalar is not None:
                found[key.value] = read_wording(scalar, report)
        elif strict and languages:
            report.error(
                key.at,
                "unknown-language",
                f"{shown(key.value)} is not a language of this service.",
                _language_hint(key, value, languages),
            )
    written = {key.value for key, _ in node}
    missing = [language for language in languages if language not in written]
    if missing:
        names = " or ".join(language_name(language) for language in missing)
        report.error(
            node.at,
            "missing-language",
            f"{what} has no {names} text.",
            "Add " + " and ".join(f'{language}: "…"' for language in missing) + ".",
        )
    return Text(node.at, found)


def _language_hint(key: Scalar, value: Node, languages: tuple[str, ...]) -> str:
    if isinstance(value, Scalar) and not value.value:
        return "A text with a comma inside { }, or one that starts with {, needs quotes."
    return did_you_mean(key.value, languages, f"The languages are {listed(languages)}.")


def language_name(code: str) -> str:
    """`sw` as people say it."""
    return f"{LANGUAGES[code]} ({code})" if code in LANGUAGES else code


def read_wording(scalar: Scalar, report: Report) -> Wording:
    """The literals and slots of a text in one language."""
    value = scalar.value.rstrip("\n")
    if len(value) > MAX_TEXT:
        report.error(scalar.at, "too-long", f"The text has more than {MAX_TEXT} characters.", "Shorten it.")
        value = value[:MAX_TEXT]
    if scalar.commented:
        report.warning(
            scalar.at,
            "comment",
            "The text ends at the `#`: what follows is a comment.",
            "If it should be shown, put quotes around the whole text.",
        )
    control = _CONTROL.search(value)
    if control:
        report.error(
            scalar.within(control.start()),
            "control-character",
            f"The text has a character that cannot be shown (U+{ord(control[0]):04X}).",
            "Use a space, or \\n for a new line.",
        )
    segments: list[str | Slot] = []
    literal, done = "", 0
    for found in _BRACE.finditer(value):
        literal += value[done : found.start()]
        done = found.end()
        if found[0] in ("{{", "}}"):
            literal += found[0][0]
            continue
        slot = _slot(scalar, found, report)
        if slot is None:
            continue
        if literal:
            segments.append(literal)
        segments.append(slot)
        literal = ""
    literal += value[done:]
    if literal:
        segments.append(literal)
    return Wording(scalar, tuple(segments))


def _slot(scalar: Scalar, found: re.Match[str], report: Report) -> Slot | None:
    at = scalar.within(found.start())
    if found[1] is None:
        report.error(
            at,
            "bad-slot",
            f"This {shown(found[0])} has no partner.",
            f"Write {found[0] * 2} to show a brace.",
        )
        return None
    slot = _SLOT.fullmatch(found[1])
    if slot is None:
        report.error(
            at,
            "bad-slot",
            f"{shown(found[0])} is not a name.",
            "Write {name}, {name.part} or {name|filter}. Texts have no arithmetic.",
        )
        return None
    chosen = slot[2] or ""
    if chosen and chosen not in FILTERS:
        report.error(
            at,
            "unknown-filter",
            f"There is no filter {shown(chosen)}.",
            did_you_mean(chosen, FILTERS, f"The filters are {listed(FILTERS)}."),
        )
        chosen = ""
    return Slot(tuple(slot[1].split(".")), chosen, found.start())


def read_condition(node: Node | None, what: str, report: Report) -> Condition | None:
    """A CEL expression. One that does not parse is reported, and has no tree."""
    if node is None:
        return None
    scalar = as_scalar(node, what, report)
    if scalar is None:
        return Condition(Scalar("", node.at), None)
    try:
        return Condition(scalar, parse(scalar.value))
    except ExpressionError as error:
        at = scalar.at if error.offset is None else place(scalar, error.offset)
        report.error(at, "bad-condition", str(error), error.hint)
        return Condition(scalar, None)


def place(scalar: Scalar, offset: int) -> Position:
    """The place of an offset in a condition; its end is the place after its last character."""
    if offset < len(scalar.value) or not scalar.value:
        return scalar.within(offset)
    last = scalar.within(len(scalar.value.rstrip()) - 1)
    return last._replace(column=last.column + 1)
