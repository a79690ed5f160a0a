"""Reading service.yaml, but for its states: who the service is, its variables and their types."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ussd_engine.menu.findings import Position, Report, closest, did_you_mean, listed, shown
from ussd_engine.menu.messages import DEFAULTS
from ussd_engine.menu.model import Keys, Text, Variable, VarType
from ussd_engine.menu.reading.shape import Fields, as_integer, as_mapping, as_scalar, good_name
from ussd_engine.menu.reading.texts import read_text
from ussd_engine.menu.source import Mapping as MappingNode
from ussd_engine.menu.source import Node, Scalar

MAX_VARIABLES = 100
SCREEN = (40, 182)
SIMPLE = ("text", "digits", "integer", "money", "phone", "date", "flag")
_TYPES = (*SIMPLE, "record", "list")
_GREATEST = {"text": 160, "digits": 40, "integer": 10**12, "money": 10**10, "list": 50}
_KEYS = (
    "service",
    "codes",
    "languages",
    "start",
    "session",
    "screen",
    "keys",
    "home",
    "include",
    "subscriber",
    "vars",
    "messages",
    "states",
)
_RESUME = ("start", "continue", "ask")
_CODE = re.compile(r"\*[0-9]{1,10}(\*[0-9]{1,10})*#")
_KEY = re.compile(r"[0-9*#]{1,3}")


@dataclass(slots=True, frozen=True)
class Head:
    """What service.yaml says besides states, includes and variables."""

    service: str
    at: Position
    codes: tuple[Scalar, ...]
    languages: tuple[str, ...]
    start: Scalar | None
    home: Scalar | None
    timeout_s: int
    resume: str
    resume_for_s: int
    screen: int
    keys: Keys


def service_fields(node: MappingNode, report: Report) -> Fields:
    """The keys of service.yaml."""
    return Fields(node, "service.yaml", _KEYS, report)


def read_head(fields: Fields, report: Report) -> Head:
    """The service's name, codes, languages, session and keys."""
    name = fields.scalar("service", required=True)
    if name is not None:
        good_name(name.value, name.at, "a service", report)
    node = fields.node("session")
    mapping = None if node is None else as_mapping(node, "`session`", report)
    session = Fields(
        mapping or MappingNode((), fields.at), "`session`", ("timeout", "resume", "resume_for"), report
    )
    return Head(
        service=name.value if name else "",
        at=fields.at,
        codes=_codes(fields, report),
        languages=_languages(fields, report),
        start=fields.scalar("start", required=True),
        home=fields.scalar("home"),
        timeout_s=session.seconds("timeout", 10, 3600, 180),
        resume=session.choice("resume", _RESUME, "ask"),
        resume_for_s=session.seconds("resume_for", 10, 86_400, 600),
        screen=fields.integer("screen", *SCREEN, 160),
        keys=_keys(fields, report),
    )


def _codes(fields: Fields, report: Report) -> tuple[Scalar, ...]:
    codes: dict[str, Scalar] = {}
    for node in fields.items("codes", required=True):
        code = as_scalar(node, "A code", report)
        if code is None:
            continue
        if not _CODE.fullmatch(code.value):
            report.error(
                code.at,
                "bad-value",
                f"{shown(code.value)} is not a USSD code.",
                'Write it as it is dialled, in quotes: "*384*89598#".',
            )
        elif code.value in codes:
            report.error(code.at, "duplicate", f"{shown(code.value)} is there twice.", "Delete one.")
        else:
            codes[code.value] = code
    return tuple(codes.values())


def _languages(fields: Fields, report: Report) -> tuple[str, ...]:
    languages: list[str] = []
    for node in fields.items("languages", required=True):
        language = as_scalar(node, "A language", report)
        if language is None:
            continue
        if not re.fullmatch(r"[a-z]{2,3}", language.value):
            report.error(
                language.at,
                "bad-value",
                f"{shown(language.value)} is not a language.",
                "Use the two-letter code, such as en or sw.",
            )
        elif language.value in languages:
            report.error(language.at, "duplicate", f"{shown(language.value)} is there twice.", "Delete one.")
        else:
            languages.append(language.value)
    return tuple(languages)


def _keys(fields: Fields, report: Report) -> Keys:
    node = fields.node("keys")
    mapping = None if node is None else as_mapping(node, "`keys`", report)
    if mapping is None:
        return Keys()
    names = ("back", "home", "more")
    written = Fields(mapping, "`keys`", names, report)
    chosen = {"back": Keys().back, "home": Keys().home, "more": Keys().more}
    places: dict[str, Position] = {}
    for name in names:
        key = written.scalar(name)
        if key is None:
            continue
        if _KEY.fullmatch(key.value):
            chosen[name] = key.value
            places[name] = key.at
        else:
            report.error(
                key.at,
                "bad-value",
                f"{shown(key.value)} cannot be a key.",
                'Use up to three of 0-9, * and #, in quotes: "0".',
            )
    for index, name in enumerate(names):
        for earlier in names[:index]:
            if chosen[name] == chosen[earlier]:
                report.error(
                    places.get(name, places.get(earlier, mapping.at)),
                    "duplicate-choice",
                    f"{shown(earlier)} and {shown(name)} are both the key {shown(chosen[name])}.",
                    "Give each its own key.",
                )
    return Keys(**chosen)


def read_variables(
    node: Node | None, what: str, report: Report, taken: Iterable[str] = ()
) -> dict[str, Variable]:
    """`vars:`, `subscriber:` or the fields of a record: names and types."""
    mapping = None if node is None else as_mapping(node, what, report)
    found: dict[str, Variable] = {}
    for key, value in mapping or ():
        if not good_name(key.value, key.at, "a variable", report, taken):
            continue
        if len(found) >= MAX_VARIABLES:
            report.error(
                key.at, "too-many", f"{what} has more than {MAX_VARIABLES} names.", "Leave some out."
            )
            break
        read = _type(key.value, value, report)
        if read is not None:
            found[key.value] = Variable(key.value, read, key.at)
    return found


def _type(name: str, node: Node, report: Report, *, inner: bool = False) -> VarType | None:
    """A type: a word, or {type:, max:} with fields or of."""
    if isinstance(node, MappingNode):
        fields = Fields(node, f"The type of {shown(name)}", ("type", "max", "fields", "of"), report)
        word = fields.scalar("type", required=True)
    else:
        fields = Fields(MappingNode((), node.at), "", (), report)
        word = as_scalar(node, f"The type of {shown(name)}", report)
    if word is None:
        return None
    allowed = SIMPLE if inner else _TYPES
    if word.value not in allowed:
        hint = did_you_mean(word.value, allowed, f"The types are {listed(allowed)}.")
        if word.value == "pin":
            hint = (
                "A PIN is never kept: give its name in `save:` of an `ask` with `as: pin`, and nowhere else."
            )
        report.error(word.at, "bad-type", f"{shown(name)} cannot be {shown(word.value)}.", hint)
    meant = closest(word.value, allowed) if isinstance(node, MappingNode) else None  # alone it has no `max`
    kind = word.value if word.value in allowed else meant
    return None if kind is None else _sized(name, kind, node, fields, report)


def _sized(name: str, kind: str, node: Node, fields: Fields, report: Report) -> VarType | None:
    most = _maximum(name, kind, node, fields, report)
    inner_key = {"record": "fields", "list": "of"}.get(kind, "")
    for key in ("fields", "of"):
        if key in fields and key != inner_key:
            report.error(fields.keys[key].at, "unknown-key", f"A {kind} has no {shown(key)}.", "Delete it.")
    if not inner_key:
        return VarType(kind, most)
    inner = fields.node(inner_key)
    if inner is None:
        report.error(
            node.at,
            "missing-key",
            f"{shown(name)} is a {kind} and needs {shown(inner_key)}.",
            f"For example: {inner_key}: {{ref: {{type: text, max: 8}}}}",
        )
        return None
    mapping = as_mapping(inner, shown(inner_key), report)
    read: dict[str, VarType] = {}
    for part, value in mapping or ():
        if good_name(part.value, part.at, "a field", report):
            field = _type(part.value, value, report, inner=True)
            if field is not None:
                read[part.value] = field
    return VarType(kind, most, read)


def _maximum(name: str, kind: str, node: Node, fields: Fields, report: Report) -> int | None:
    greatest = _GREATEST.get(kind)
    if greatest is None:
        if "max" in fields:
            report.error(fields.keys["max"].at, "unknown-key", f"A {kind} has no `max`.", "Delete it.")
        return None
    value = fields.scalar("max")
    if value is None:
        if "max" not in fields:
            report.error(
                node.at,
                "missing-key",
                f"{shown(name)} is {kind} and needs `max`.",
                f"Write {{type: {kind}, max: …}}, so that the longest screen is known.",
            )
        return 100 if kind == "money" else 1
    number = as_integer(value, "`max`", 1, greatest, report)
    if number is None:
        return 100 if kind == "money" else 1
    return number * 100 if kind == "money" else number


def read_messages(
    node: Node | None, languages: tuple[str, ...], at: Position, report: Report
) -> Mapping[str, Text]:
    """`messages:`. Languages the engine does not speak must have all of them."""
    mapping = None if node is None else as_mapping(node, "`messages`", report)
    found: dict[str, Text] = {}
    for key, value in mapping or ():
        if key.value in DEFAULTS:
            found[key.value] = read_text(value, f"The message {shown(key.value)}", languages, report, key)
        else:
            report.error(
                key.at,
                "unknown-key",
                f"The engine has no message {shown(key.value)}.",
                did_you_mean(key.value, DEFAULTS, f"It has {listed(DEFAULTS)}."),
            )
    for language in languages:
        missing = [name for name in DEFAULTS if name not in found and language not in DEFAULTS[name]]
        if missing:
            report.error(
                mapping.at if mapping else at,
                "missing-language",
                f"The engine does not speak {shown(language)}: {len(missing)} of its sentences are missing.",
                f"Add them under `messages:`: {listed(missing)}.",
            )
    return found
