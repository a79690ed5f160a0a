"""What people call for: journeys.yaml, read and held against the menus it is about."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loadtests.oracle import Service
from loadtests.reading import fields, read
from ussd_engine.errors import MenuError
from ussd_engine.menu.findings import Position, Report, did_you_mean, listed, shown
from ussd_engine.menu.reading.shape import Fields, as_scalar
from ussd_engine.menu.source import Mapping as Tree
from ussd_engine.menu.source import Node, Scalar, Sequence

FILE = Path(__file__).parent / "journeys.yaml"
REPOSITORY = FILE.parents[1]
PLACEHOLDERS = ("name", "national_id", "pin", "limit", "owed")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_WHO = ("anybody", "newcomer", "without_loan")


@dataclass(slots=True, frozen=True)
class Journey:
    """One reason to call. presses: state → what may be typed there, one of these by chance."""

    name: str
    who: str
    inputs: str  # of a dialled shortcut, joined by *
    presses: Mapping[str, tuple[str, ...]]
    until: frozenset[str]
    passing: str


@dataclass(slots=True, frozen=True)
class Journeys:
    """All of them, and the menus they are about. unfinished: what is typed at the offer to go on."""

    service: Service
    by_name: Mapping[str, Journey]
    unfinished: tuple[str, ...]


def read_journeys(file: Path = FILE) -> Journeys:
    """The journeys of a file. Raises LoadTestError, or MenuError when the menus do not check."""
    return read(file, "The file", _journeys)


def _journeys(node: Tree, report: Report) -> Journeys | None:
    top = Fields(node, "The file", ("menus", "unfinished", "always", "journeys"), report)
    menus = top.scalar("menus", required=True)
    service = _service(menus, report) if menus else None
    if service is None:
        return None
    reader = _Reader(service, report)
    always = reader.presses(top.node("always"))
    entries = _pairs(top.node("journeys", required=True), report)
    by_name = {name.value: reader.journey(name.value, entry, always) for name, entry in entries}
    return Journeys(service, by_name, _choices(top.scalar("unfinished", required=True)))


def _service(menus: Scalar, report: Report) -> Service | None:
    folder = REPOSITORY / menus.value
    if not (folder / "service.yaml").is_file():
        report.error(
            menus.at, "no-menus", f"There are no menus in {shown(menus.value)}.", "Name a folder of menus/."
        )
        return None
    try:
        return Service.of(folder)
    except MenuError as error:
        raise MenuError(f"The menus have errors: see `ussd check {menus.value}`.\n\n{error}") from None


def _pairs(node: Node | None, report: Report) -> Tree:
    """The entries of a mapping; none, reported, when it is not one."""
    if isinstance(node, Tree):
        return node
    if node is not None:
        fields(node, "This", (), report)
    return Tree((), node.at if node is not None else Position("", 1, 1))


class _Reader:
    """Reads entries; every fault goes to the report."""

    def __init__(self, service: Service, report: Report) -> None:
        self._service = service
        self._states = service.states
        self._report = report

    def journey(self, name: str, node: Node, always: Mapping[str, tuple[str, ...]]) -> Journey:
        entry = fields(
            node,
            f"A journey such as {shown(name)}",
            ("who", "dial", "press", "until", "passing"),
            self._report,
        )
        if entry is None:
            return Journey(name, "anybody", "", {}, frozenset(), "")
        until = entry.node("until", required=True)
        ends = until.items if isinstance(until, Sequence) else (until,) if until is not None else ()
        passing = entry.scalar("passing")
        return Journey(
            name,
            entry.choice("who", _WHO, "anybody"),
            self._inputs(entry.scalar("dial")),
            {**always, **self.presses(entry.node("press"))},
            frozenset(self._state(as_scalar(end, "`until`", self._report)) for end in ends),
            self._state(passing) if passing else "",
        )

    def presses(self, node: Node | None) -> dict[str, tuple[str, ...]]:
        """State → what may be typed there."""
        if node is None:
            return {}
        return {
            self._state(state): self._typed(as_scalar(what, shown(state.value), self._report))
            for state, what in _pairs(node, self._report)
        }

    def _typed(self, text: Scalar | None) -> tuple[str, ...]:
        if text is None:
            return ()
        for found in _PLACEHOLDER.finditer(text.value):
            if found[1] not in PLACEHOLDERS:
                hint = did_you_mean(found[1], PLACEHOLDERS, f"There are {listed(PLACEHOLDERS)}.")
                self._report.error(
                    text.at, "unknown-placeholder", f"Nothing is called {shown(found[0])}.", hint
                )
        return _choices(text)

    def _state(self, name: Scalar | None) -> str:
        if name is None:
            return ""
        if name.value not in self._states:
            hint = did_you_mean(name.value, self._states, "See them with: ussd draw")
            self._report.error(
                name.at, "unknown-state", f"The menus have no state {shown(name.value)}.", hint
            )
        return name.value

    def _inputs(self, dial: Scalar | None) -> str:
        if dial is None:
            return ""
        stem = self._service.code.rstrip("#")
        if dial.value.startswith(f"{stem}*") and dial.value.endswith("#"):
            return dial.value[len(stem) + 1 : -1]
        hint = f"A shortcut begins with the code: {stem}*1#"
        self._report.error(
            dial.at, "unknown-code", f"{shown(dial.value)} is no shortcut of this service.", hint
        )
        return ""


def _choices(text: Scalar | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.value.split("|")) if text else ()
