"""The menu model: what a folder of YAML says, typed, each part with its place.

Values only, no behaviour. `reading` makes it from YAML, `check` proves things about it, `compile`
turns it into the tables the machine runs, `draw` draws it. A name or text is kept as the Scalar it was
read from, so that a finding about it can point at it; a part that was missing or wrong is None and has
been reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ussd_engine.menu.findings import Position
from ussd_engine.menu.source import Scalar
from ussd_engine.menu.syntax import Tree


@dataclass(slots=True, frozen=True)
class VarType:
    """A declared type. kind: text, digits, integer, money, phone, date, flag, record or list.

    max: characters, digits, items, the greatest integer, or cents. fields: of a record, or of one item
    of a list.
    """

    kind: str
    max: int | None = None
    fields: Mapping[str, "VarType"] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Variable:
    """A variable, or a field of the subscriber's profile."""

    name: str
    type: VarType
    at: Position


@dataclass(slots=True, frozen=True)
class Slot:
    """`{dotted.name|filter}` in a text; offset is where it starts in the text's value."""

    path: tuple[str, ...]
    filter: str
    offset: int


@dataclass(slots=True, frozen=True)
class Wording:
    """A text in one language."""

    source: Scalar
    segments: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots, in order."""
        return tuple(segment for segment in self.segments if isinstance(segment, Slot))


@dataclass(slots=True, frozen=True)
class Text:
    """A text in every language."""

    at: Position
    languages: Mapping[str, Wording]


@dataclass(slots=True, frozen=True)
class Condition:
    """A CEL expression. tree is None when it does not parse (which has been reported)."""

    source: Scalar
    tree: Tree | None


@dataclass(slots=True, frozen=True)
class Option:
    """A row of a menu or list."""

    at: Position
    label: Text
    to: Scalar | None
    value: Scalar | None = None
    key: Scalar | None = None
    when: Condition | None = None
    language: Scalar | None = None


@dataclass(slots=True, frozen=True)
class Screen:
    """How people move on a screen that waits. nav: both, back, home or none. resume: a call dropped here is
    something to go on with."""

    nav: str = "both"
    confirm: bool = False
    back: bool = True
    resume: bool = True


@dataclass(slots=True, frozen=True)
class Menu:
    """Shows a text and options."""

    name: str
    at: Position
    text: Text
    options: tuple[Option, ...]
    save: Scalar | None
    screen: Screen


@dataclass(slots=True, frozen=True)
class Refusal:
    """A `check` of an ask: when the condition is true the answer is refused with these words."""

    at: Position
    when: Condition
    say: Text


@dataclass(slots=True, frozen=True)
class Ask:
    """Shows a text and reads an answer. kind: text, digits, …, pin or pattern."""

    name: str
    at: Position
    text: Text
    kind: str
    pattern: Scalar | None
    save: Scalar | None
    length: tuple[int, int] | None
    checks: tuple[Refusal, ...]
    invalid: Text | None
    to: Scalar | None
    screen: Screen


@dataclass(slots=True, frozen=True)
class Argument:
    """An argument of a do."""

    name: Scalar
    value: Condition


@dataclass(slots=True, frozen=True)
class Route:
    """Where an outcome of a do leads, and what is said above the next screen."""

    outcome: Scalar
    to: Scalar | None
    say: Text | None


@dataclass(slots=True, frozen=True)
class Do:
    """Calls an action."""

    name: str
    at: Position
    action: Scalar | None
    arguments: tuple[Argument, ...]
    save: Scalar | None
    routes: tuple[Route, ...]


@dataclass(slots=True, frozen=True)
class Case:
    """A case of a choose; when None it always holds."""

    at: Position
    when: Condition | None
    to: Scalar | None


@dataclass(slots=True, frozen=True)
class Choose:
    """Goes on to the first case that holds."""

    name: str
    at: Position
    cases: tuple[Case, ...]


@dataclass(slots=True, frozen=True)
class Listing:
    """Shows a text, a row for each item of a list variable, and options."""

    name: str
    at: Position
    text: Text
    of: Scalar | None
    item: Text
    save: Scalar | None
    to: Scalar | None
    empty: Scalar | None
    options: tuple[Option, ...]
    screen: Screen


@dataclass(slots=True, frozen=True)
class End:
    """Shows a text and ends the dialog."""

    name: str
    at: Position
    text: Text


State = Menu | Ask | Do | Choose | Listing | End
Waiting = Menu | Ask | Listing


@dataclass(slots=True, frozen=True)
class Keys:
    """The navigation keys."""

    back: str = "0"
    home: str = "00"
    more: str = "98"


@dataclass(slots=True, frozen=True)
class Model:
    """A service's menus. complete: all of every file was read; when not, a state that seems missing may
    be in the rest."""

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
    subscriber: Mapping[str, Variable]
    variables: Mapping[str, Variable]
    messages: Mapping[str, Text]
    states: Mapping[str, State]
    broken: frozenset[str]  # names of states that could not be read
    files: tuple[str, ...]  # service.yaml and what it includes
    complete: bool
