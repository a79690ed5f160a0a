"""What a menu program must do, said a second time: the oracle `core_ext.program` is tested against.

It reads the same compiled tables and shares no code with the core. Moves between states are those of a
`transitions` Machine: a trigger for each option, answer, item, outcome and navigation key, guarded by
plain Python functions. Around it stand the few rules a state chart has no words for: the trail, the
variables, the note, and the page.

The trail is the screens from the first one to this one, without loops: `back` drops the last,
coming to a screen that is on it drops everything after. (The core keeps a history of what was left
instead; that the two agree is part of what is tested.)
"""

import datetime
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from transitions import Machine

Condition = Callable[[dict[str, Any]], Any]
WAITING = ("menu", "ask", "list", "end")
MOST_STATES = 64


class OracleFault(Exception):
    """The tables cannot go on from here."""


class Refusal(Exception):
    """An answer does not read; args: the message's name, and the bound that was passed."""


class Oracle:
    """One phone. `state` is the machine's; `path` is every state it went
    through (going back adds nothing to it)."""

    state: str
    trigger: Callable[..., bool]

    def __init__(
        self,
        tables: dict[str, Any],
        conditions: Mapping[str, Condition],
        subscriber: dict[str, Any],
        parse_phone: Callable[[str], str | None],
    ) -> None:
        self.tables, self.conditions = tables, conditions
        self.subscriber, self.parse_phone = subscriber, parse_phone
        self.rows: dict[str, dict[str, Any]] = {row["name"]: row for row in tables["states"]}
        self.home_state = tables.get("home") or tables["start"]
        self.vars: dict[str, Any] = {}
        self.secrets: dict[str, Any] = {}
        self.trail: list[str] = []
        self.path: list[str] = []
        self.page = 0
        self.note = ""
        self.language = tables["languages"][0]
        self.over = self.refused = False
        self.need: tuple[str, dict[str, Any], bool] | None = None
        self.machine = Machine(
            self, states=["@phone", *self.rows], initial="@phone", transitions=self._transitions(),
            auto_transitions=False, after_state_change=self._entered,
        )  # fmt: skip

    # -- the chart ---------------------------------------------------------------------------------

    def _transitions(self) -> list[dict[str, Any]]:
        moves = [{"trigger": "dial", "source": "@phone", "dest": self.tables["start"]}]

        def move(trigger: str, source: str, dest: str, condition: Callable[[], bool] | None = None) -> None:
            row = {"trigger": trigger, "source": source, "dest": dest}
            moves.append(row if condition is None else {**row, "conditions": condition})

        for name, row in self.rows.items():
            kind = row["kind"]
            for index, option in enumerate(row.get("options", ())):
                move(f"option_{index}", name, option["to"])
            if kind in ("ask", "list") and row["to"] is not None:
                move("answer", name, row["to"])
            if kind == "list":
                move("pass", name, row["empty"], lambda row=row: not self.vars.get(row["of"]))
            for when, to in row.get("cases", ()):
                move("pass", name, to, lambda when=when: when is None or self.value(when) is True)
            for outcome, (to, _) in row.get("on", {}).items():
                move(f"outcome_{outcome}", name, to)
            if kind in WAITING[:3]:
                nav = {"both": {"back", "home"}}.get(row["nav"], {row["nav"]})
                if "home" in nav:
                    move("home", name, self.home_state, lambda: len(self.trail) > 1)
                for other, there in self.rows.items():
                    if "back" in nav and row["back"] and there["kind"] in WAITING[:3]:
                        move("back", name, other, lambda other=other: self.trail[-2:-1] == [other])
        return moves

    def _entered(self) -> None:
        self.path.append(self.state)

    def can(self, trigger: str) -> bool:
        """Whether the key of `back` or `home` does something here."""
        return bool(self.may_trigger(trigger))  # type: ignore[attr-defined]

    # -- what is tested ----------------------------------------------------------------------------

    @property
    def row(self) -> dict[str, Any]:
        """The tables' row of the state we are in."""
        return self.rows[self.state]

    def begin(self) -> None:
        """Dial."""
        if self.subscriber.get("language") in self.tables["languages"]:
            self.language = self.subscriber["language"]
        self.trigger("dial")
        self._go_on()

    def unfinished(self) -> bool:
        """Whether a dropped call left something to go on with."""
        return self.row["kind"] in WAITING[:3] and self.row.get("resume", True) and len(self.trail) > 1

    def settle(self) -> None:
        """A dropped call is dialled again: step back from a PIN or a confirmation to what is neither."""
        self.note, self.page, self.refused = "", 0, False
        while self.trail and self.rows[self.trail[-1]]["guarded"]:
            self.trail.pop()
        if self.trail:
            self.machine.set_state(self.trail[-1])

    def begin_again(self) -> None:
        """Dial as if for the first time."""
        self.machine.set_state("@phone")
        self.vars, self.trail, self.note, self.page, self.refused = {}, [], "", 0, False
        self.language = self.tables["languages"][0]
        self.begin()

    def press(self, text: str, more: bool) -> None:
        """Answer the screen. more: whether it has a further page (only the core knows its size)."""
        keys, key = self.tables["keys"], text.strip()
        self.refused = False
        if key == keys["more"] and more:
            self.page += 1
        elif key == keys["back"] and self.page > 0:
            self.page -= 1
        elif key == keys["back"] and self.can("back"):
            self.note = ""
            self.trigger("back")
            self.path.pop()
            self._arrive()
        elif key == keys["home"] and self.can("home"):
            self.note = ""
            self.trigger("home")
            self.trail = []
            self._go_on()
        elif self.row["kind"] == "ask":
            self._answer(text)
        elif self.row["kind"] != "end":
            self._choose(key)

    def resume(self, outcome: str, value: Any, subscriber: dict[str, Any] | None) -> None:
        """The action that was needed has come back."""
        row, self.need = self.row, None
        self.subscriber.update(subscriber or {})
        if (subscriber or {}).get("language") in self.tables["languages"]:
            self.language = self.subscriber["language"]
        if outcome not in row["on"]:
            self.over = True
            return
        if row["save"] is not None and value is not None:
            self.vars[row["save"]] = self._declared(row["save"], value)
        if row["effect"] and outcome == "ok":
            self.trail = []
        say = row["on"][outcome][1]
        self.note = self.note if say is None else self.render(say)
        self.trigger(f"outcome_{outcome}")
        self._go_on()

    def value(self, source: str, name: str | None = None, value: Any = None) -> Any:
        """A condition's value; `name` has `value` while an answer is checked."""
        known = {**self.vars, **self.secrets, "subscriber": self.subscriber}
        return self.conditions[source](known if name is None else {**known, name: value})

    # -- moving ------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Pass through what shows no screen."""
        for _ in range(MOST_STATES):
            row = self.row
            if row["kind"] == "do":
                arguments = {name: self.value(source) for name, source in row["with"].items()}
                self.need = (row["action"], arguments, row["effect"])
                return
            passes = row["kind"] == "choose" or (row["kind"] == "list" and not self.vars.get(row["of"]))
            if not passes:
                self._arrive()
                return
            if not self.trigger("pass"):
                raise OracleFault("no case holds")
        raise OracleFault("a loop without a screen")

    def _arrive(self) -> None:
        if self.state == self.home_state:
            self.trail = []
        elif self.state in self.trail:
            del self.trail[self.trail.index(self.state) :]
        self.trail.append(self.state)
        self.page = 0
        self.secrets = {}

    def _refuse(self, note: str) -> None:
        self.note, self.page, self.refused, self.secrets = note, 0, True, {}

    def _choose(self, key: str) -> None:
        row, chosen = self.row, [what for shown, what in self.choices() if shown == key and key]
        if not chosen:
            self._refuse(self.message("invalid_choice"))
            return
        self.note = ""
        if isinstance(chosen[0], int):
            option = row["options"][chosen[0]]
            if row["kind"] == "menu" and row["save"] is not None:
                self.vars[row["save"]] = option["value"]
            self.language = option["language"] or self.language
            self.trigger(f"option_{chosen[0]}")
        else:
            if row["save"] is not None:
                self.vars[row["save"]] = chosen[0]
            self.trigger("answer")
        self._go_on()

    def _answer(self, text: str) -> None:
        row = self.row
        try:
            value = read(row, text.strip(), self.parse_phone)
        except Refusal as refusal:
            name, limit = refusal.args
            self._refuse(self.render(row["invalid"]) if row["invalid"] else self.message(name, limit))
            return
        for when, say in row["check"]:
            if self.value(when, row["save"], value) is True:
                self._refuse(self.render(say))
                return
        (self.secrets if row["as"] == "pin" else self.vars)[row["save"]] = value
        self.note = ""
        self.trigger("answer")
        self._go_on()

    def _declared(self, name: str, value: Any) -> Any:
        declared = self.tables["vars"].get(name, {})
        if declared.get("type") != "list" or not isinstance(value, list):
            return value
        fields = declared["of"]
        return [{f: v for f, v in item.items() if f in fields} for item in value][: declared["max"]]

    # -- the screen --------------------------------------------------------------------------------

    def choices(self) -> list[tuple[str, Any]]:
        """What can be chosen: its key ("" for an item that is only shown), an item or an option's index."""
        row = self.row
        options = [
            index for index, option in enumerate(row.get("options", ()))
            if option["when"] is None or self.value(option["when"]) is True
        ]  # fmt: skip
        items = list(self.vars.get(row["of"]) or []) if row["kind"] == "list" else []
        fixed = {option["key"] for option in row.get("options", ())} | set(self.tables["keys"].values())
        free = (str(number) for number in range(1, 1000) if str(number) not in fixed)
        found: list[tuple[str, Any]] = []
        for item in items:
            found.append((next(free) if row["to"] is not None else "", item))
        for index in options:
            found.append((row["options"][index]["key"] or next(free), index))
        return found

    def text(self) -> str:
        """The whole screen before it is paged, without footers."""
        row = self.row
        lines = [self.note] if self.note else []
        lines.append(self.render(row["text"]))
        for key, what in self.choices() if row["kind"] in ("menu", "list") else ():
            if isinstance(what, int):
                label = self.render(row["options"][what]["label"])
            else:
                label = self.render(row["item"], {"item": what})
            lines.append(f"{key}. {label}" if key else label)
        return "\n".join(lines)

    def message(self, name: str, limit: Any = None) -> str:
        """One of the engine's sentences."""
        return self.render(self.tables["messages"][name], {"limit": limit}, {})

    def render(
        self,
        texts: dict[str, Any],
        more: dict[str, Any] | None = None,
        variables: dict[str, Any] | None = None,
    ) -> str:
        """A text in the dialog's language, its slots filled."""
        roots = {
            **(self.vars if variables is None else variables),
            "subscriber": self.subscriber,
            **(more or {}),
        }
        pieces = []
        for segment in texts[self.language]:
            if isinstance(segment, str):
                pieces.append(segment)
                continue
            value: Any = roots
            for name in segment[0]:
                value = value.get(name) if isinstance(value, dict) else None
            pieces.append("" if value is None else FILTERS[segment[1]](value))
        return "".join(pieces)


FILTERS: dict[str, Callable[[Any], str]] = {
    "": str,
    "money": lambda cents: f"{Decimal(cents) / 100:,.2f}".removesuffix(".00"),
    "number": lambda value: re.sub(r"(?<=\d)(?=(\d{3})+$)", ",", str(value)),
    "date": lambda iso: "/".join(reversed(iso.split("-"))),
    "upper": str.upper,
    "first": lambda text: text.partition(" ")[0],
}


def read(row: dict[str, Any], text: str, parse_phone: Callable[[str], str | None]) -> Any:
    """The typed value of an answer. Raises Refusal."""
    kind = row["as"]
    value: Any = None
    if kind == "money":
        value = _cents(text)
    elif kind == "integer" and _digits(text, 1, 12):
        value = int(text)
    elif kind == "date":
        value = _date(text)
    elif kind == "phone":
        value = parse_phone(text)
    elif kind == "text" and all(c.isprintable() for c in text):
        value = " ".join(text.split())
    elif (kind in ("digits", "pin") and _digits(text, 1, 10**6)) or (
        kind == "pattern" and text.isprintable() and re.match(rf"(?:{row['pattern']})\Z", text)
    ):
        value = text
    if isinstance(value, str) and kind in ("text", "digits", "pin", "pattern"):
        low, high = row["min_length"], row["max_length"]
        if not (1 if low is None else low) <= len(value) <= (160 if high is None else high):
            value = None
    if value is None:
        raise Refusal(f"invalid_{kind}", None)
    if kind in ("money", "integer"):
        if row["min_value"] is not None and value < row["min_value"]:
            raise Refusal("too_small", row["min_value"])
        if row["max_value"] is not None and value > row["max_value"]:
            raise Refusal("too_large", row["max_value"])
    return value


def _digits(text: str, least: int, most: int) -> bool:
    return least <= len(text) <= most and all(c in "0123456789" for c in text)


def _cents(text: str) -> int | None:
    whole, point, cents = text.partition(".")
    groups = whole.replace(" ", ",").split(",")
    if point and not _digits(cents, 1, 2):
        return None
    if len(groups) > 1 and not (_digits(groups[0], 1, 3) and all(_digits(g, 3, 3) for g in groups[1:])):
        return None
    if not _digits("".join(groups), 1, 10):
        return None
    return int(Decimal(f"{''.join(groups)}.{cents or 0}") * 100)


def _date(text: str) -> str | None:
    """Day, month (two digits) and year (four), read from the end; a separator between is optional."""
    rest, year = text[:-4], text[-4:]
    rest = rest[:-1] if rest[-1:] in tuple("-/. ") else rest
    rest, month = rest[:-2], rest[-2:]
    day = rest[:-1] if rest[-1:] in tuple("-/. ") else rest
    if not (_digits(year, 4, 4) and _digits(month, 2, 2) and _digits(day, 1, 2)):
        return None
    try:
        return datetime.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None
