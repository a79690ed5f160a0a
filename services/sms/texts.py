"""The words of our messages: sms.yaml of a menu folder, read and checked.

    quiet       hours of Nairobi in which only money is spoken of
    most_parts  what a message may take at most, with the widest values in it
    reminders   on which day before (-) or after the due date to say what
    messages    the words of each notice (services/sms/notices.py), in every language of the service

A message of up to 160 septets is one part; a longer one is sent in parts of 153. A single character that
the phone alphabet lacks makes that 70 and 67 (3GPP TS 23.038, TS 23.040), and each part is paid for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

import orjson

from core_ext.template import Template
from core_ext.text import outside, size, to_gsm
from services import clock
from services.documents import Menus
from services.sms.notices import COMMON, NOTICES, WIDEST, Slot
from ussd_engine.menu.check.texts import FITS
from ussd_engine.menu.findings import Position, Report, did_you_mean, listed
from ussd_engine.menu.model import Wording
from ussd_engine.menu.reading.texts import language_name, read_languages
from ussd_engine.menu.source import Mapping as Fields
from ussd_engine.menu.source import Node, Scalar, Sequence, parse
from ussd_engine.plugin import FileProblem

FILE = "sms.yaml"
OWN = "message"  # one with words of its own, in no file
KEYS = ("quiet", "most_parts", "reminders", "messages")
EARLIEST, LATEST = -30, 365  # days a reminder may be from the due date
MOST_PARTS = 5

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DAYS = re.compile(r"-?[0-9]{1,3}")


@dataclass(slots=True, frozen=True)
class Quiet:
    """The hours in which only messages about money are sent; over midnight when `start` is the later."""

    start: time = time(20)
    end: time = time(8)

    def over_at(self, now: datetime) -> datetime | None:
        """When the quiet that reigns now is over; None when there is none."""
        here = now.astimezone(clock.NAIROBI)
        told, nights = here.time(), self.start > self.end
        quiet = told >= self.start or told < self.end if nights else self.start <= told < self.end
        if not quiet:
            return None
        until = here.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        return until if until > here else until + timedelta(days=1)


@dataclass(slots=True, frozen=True)
class Texts:
    """What sms.yaml says. reminders: days from the due date → the notice of that day."""

    quiet: Quiet = field(default_factory=Quiet)
    reminders: Mapping[int, str] = field(default_factory=dict)
    messages: Mapping[str, Mapping[str, Template]] = field(default_factory=dict)
    languages: tuple[str, ...] = ("en",)

    def say(self, notice: str, language: str, values: Mapping[str, Any]) -> tuple[str, str]:
        """The words of a notice and their language: the one asked for, or the service's first."""
        told = self.messages[notice]
        chosen = language if language in told else self.languages[0]
        return told[chosen].render(dict(values), {}, None), chosen

    def say_own(self, words: Mapping[str, str], language: str, values: Mapping[str, Any]) -> tuple[str, str]:
        """The same for a message with words of its own, which `own_words` has checked."""
        chosen = language if language in words else self.languages[0]
        made, _ = own_words(words, self.languages)
        return made[chosen].render(dict(values), {}, None), chosen


def parts(text: str) -> int:
    """How many messages a text takes."""
    units, gsm = size(text)
    alone, chained = (160, 153) if gsm else (70, 67)
    return 1 if units <= alone else -(-units // chained)


def read(sources: Mapping[str, str], menus: Menus) -> tuple[Texts | None, list[FileProblem]]:
    """The texts of a menu folder, or None and every fault in them."""
    if FILE not in sources:
        return None, [FileProblem(FILE, 1, 1, f"{FILE} is missing", "It holds the words of our messages.")]
    report = Report()
    node, _ = parse(FILE, sources[FILE], report)
    spoken = menus.service.get("languages")
    languages = tuple(map(str, spoken)) if isinstance(spoken, list) and spoken else ("en",)
    found = _Reader(report, languages).file(node) if node is not None else None
    problems = [
        FileProblem(each.file, each.line, each.column, each.message, each.hint) for each in report.in_order()
    ]
    return (None if problems else found), problems


def own_words(words: Mapping[str, str], languages: tuple[str, ...]) -> tuple[dict[str, Template], list[str]]:
    """The templates of a message with words of its own by language, and what is wrong with them. It may say
    what every message may: {name|first} and {paybill}."""
    report = Report()
    node, _ = parse(OWN, orjson.dumps(words).decode(), report)
    made = {} if node is None else _Reader(report, languages).own(node)
    return made, [" ".join((each.message, each.hint)).strip() for each in report.in_order()]


class _Reader:
    """Reads the file's parts, and reports what is wrong with each."""

    def __init__(self, report: Report, languages: tuple[str, ...]) -> None:
        self._report = report
        self._languages = languages
        self._most = 2

    def file(self, node: Node) -> Texts:
        pairs = self._pairs(node, "sms.yaml", KEYS)
        for name in KEYS:
            if name not in pairs:
                self._wrong(node.at, f"`{name}:` is missing.")
        self._most = self._parts(pairs.get("most_parts"))
        quiet = self._quiet(pairs.get("quiet"))
        messages = self._messages(pairs.get("messages"))
        reminders = self._reminders(pairs.get("reminders"))
        return Texts(quiet, reminders, messages, self._languages)

    def own(self, node: Node) -> dict[str, Template]:
        """One message that is in no file."""
        return self._message(OWN, node)

    def _parts(self, node: Node | None) -> int:
        if node is None:
            return MOST_PARTS
        text = node.value if isinstance(node, Scalar) else ""
        if not text.isdecimal() or not 1 <= int(text) <= MOST_PARTS:
            self._wrong(node.at, f"most_parts must be a number from 1 to {MOST_PARTS}.")
            return MOST_PARTS
        return int(text)

    def _quiet(self, node: Node | None) -> Quiet:
        pairs = self._pairs(node, "quiet", ("from", "until")) if node is not None else {}
        times = [self._time(pairs.get(name), node, name) for name in ("from", "until")]
        if times[0] is None or times[1] is None:
            return Quiet()
        return Quiet(times[0], times[1])

    def _time(self, node: Node | None, around: Node | None, name: str) -> time | None:
        if around is None:
            return None
        found = _CLOCK.fullmatch(node.value) if isinstance(node, Scalar) else None
        if found is None:
            self._wrong((node or around).at, f'{name} must be a time of day such as "20:00".')
            return None
        return time(int(found[1]), int(found[2]))

    def _messages(self, node: Node | None) -> dict[str, dict[str, Template]]:
        if node is None:
            return {}
        pairs = self._pairs(node, "messages", tuple(NOTICES))
        for name in NOTICES:
            if name not in pairs:
                self._wrong(
                    node.at, f"The words of {name} are missing.", f"Add `{name}:` with each language."
                )
        return {name: self._message(name, each) for name, each in pairs.items() if name in NOTICES}

    def _message(self, name: str, node: Node) -> dict[str, Template]:
        if not isinstance(node, Fields):
            self._wrong(node.at, f"{name} must have a text in each language.", 'Write {en: "…", sw: "…"}.')
            return {}
        text = read_languages(node, name, self._languages, self._report, strict=True)
        slots: Mapping[str, Slot] = {**COMMON, **(NOTICES[name].slots if name in NOTICES else {})}
        made = {}
        for language, wording in text.languages.items():
            made[language] = template = _template(wording)
            if self._slots(wording, slots):
                self._fits(name, language, wording, template)
        return made

    def _slots(self, wording: Wording, slots: Mapping[str, Slot]) -> bool:
        """Whether every slot is known and shown in a way that fits it."""
        good = True
        for slot in wording.slots:
            name, at = ".".join(slot.path), wording.source.within(slot.offset)
            kind = slots.get(name)
            if kind is None:
                hint = did_you_mean(name, tuple(slots), f"This message can say {listed(sorted(slots))}.")
                self._wrong(at, f"There is no {{{name}}} in this message.", hint)
            elif slot.filter not in FITS[kind]:
                wanted = FITS[kind][0]
                shown = f"{{{name}|{wanted}}}" if wanted else f"{{{name}}}"
                self._wrong(at, f"{{{name}}} is {kind} and cannot be shown like this.", f"Write {shown}.")
            good = good and kind is not None and slot.filter in FITS[kind]
        return good

    def _fits(self, name: str, language: str, wording: Wording, template: Template) -> None:
        widest = template.render(dict(WIDEST), {}, None)
        strange = outside(widest)
        if strange:
            offset = max(wording.source.value.find(strange[0]), 0)
            message = f"The phone alphabet (GSM-7) does not have {listed(strange)}."
            hint = "It would make a part 67 characters instead of 153. Write it with plain letters."
            self._wrong(wording.source.within(offset), message, hint)
            return
        taken = parts(widest)
        if taken > self._most:
            message = f"{name} can take {size(widest)[0]} characters in {language_name(language)}: "
            message += f"{taken} parts, and most_parts is {self._most}."
            limit = 160 if self._most == 1 else 153 * self._most
            self._wrong(wording.source.at, message, f"Shorten it to {limit} with the widest values.")

    def _reminders(self, node: Node | None) -> dict[int, str]:
        if node is None:
            return {}
        rows = node.items if isinstance(node, Sequence) else ()
        if not isinstance(node, Sequence):
            self._wrong(node.at, "reminders must be a list.", "For example: - {days: -3, say: due_soon}")
        found: dict[int, str] = {}
        for row in rows:
            pairs = self._pairs(row, "A reminder", ("days", "say"))
            day, notice = self._day(pairs.get("days"), row), self._said(pairs.get("say"), row)
            if day is None or notice is None:
                continue
            if day in found:
                self._wrong(row.at, f"There are two reminders for day {day}.")
            found[day] = notice
            if any({first, first + 1, first + 2} <= set(found) for first in range(day - 2, day + 1)):
                message = f"With day {day} there would be reminders three days running."
                self._wrong(row.at, message, "Leave a day out: people who are pressed stop reading.")
        return found

    def _day(self, node: Node | None, row: Node) -> int | None:
        text = node.value if isinstance(node, Scalar) else ""
        if not _DAYS.fullmatch(text) or not EARLIEST <= int(text) <= LATEST:
            self._wrong((node or row).at, f"days must be a number from {EARLIEST} to {LATEST}.")
            return None
        return int(text)

    def _said(self, node: Node | None, row: Node) -> str | None:
        notice = node.value if isinstance(node, Scalar) else ""
        able = [name for name, known in NOTICES.items() if known.kind == "service" and "due" in known.slots]
        if notice not in able:
            self._wrong((node or row).at, f"A reminder can say {listed(able)}.")
            return None
        return notice

    def _pairs(self, node: Node, what: str, known: tuple[str, ...]) -> dict[str, Node]:
        if not isinstance(node, Fields):
            self._wrong(node.at, f"{what} must have {listed(known[:4])}.")
            return {}
        for key, _ in node:
            if key.value not in known:
                hint = did_you_mean(key.value, known, f"Known are {listed(known)}.")
                self._wrong(key.at, f"{what} has no `{key.value}`.", hint)
        return {key.value: value for key, value in node}

    def _wrong(self, at: Position, message: str, hint: str = "") -> None:
        self._report.error(at, "sms", message, hint)


def _template(wording: Wording) -> Template:
    return Template([
        to_gsm(each) if isinstance(each, str) else [list(each.path), each.filter]
        for each in wording.segments
    ])  # fmt: skip
