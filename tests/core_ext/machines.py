"""Random menu programs, what their actions answer, and what somebody types into them.

A program is compiled tables, as `ussd_engine.menu.compile` makes them. Its conditions are names of plain
Python functions, so that the core and the oracle evaluate the same thing without CEL.
"""

import functools
import itertools
import random
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.oracle import Oracle

SECRET = "731946"
LANGUAGES = ["en", "sw"]
MESSAGES = [
    "invalid_choice", "invalid_text", "invalid_digits", "invalid_integer", "invalid_money", "invalid_phone",
    "invalid_date", "invalid_pin", "invalid_pattern", "too_small", "too_large", "resume_ask",
    "resume_continue", "resume_restart", "expired", "fault", "late", "busy", "unknown_code", "ended",
]  # fmt: skip
LABELS = {"back": ("Back", "Rudi"), "home": ("Home", "Mwanzo"), "more": ("More", "Zaidi")}


KEYS = [{"back": "0", "home": "00", "more": "98"}, {"back": "9", "home": "*", "more": "2"}]


def _number(value: Any, least: int) -> bool:
    return isinstance(value, int) and value > least


CONDITIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "amount > 1000": lambda s: _number(s.get("amount"), 100_000),
    "amount > limit.max": lambda s: _number(s.get("amount"), (s.get("limit") or {}).get("max", 0)),
    "count > 5": lambda s: _number(s.get("count"), 5),
    'choice == "a"': lambda s: s.get("choice") == "a",
    "size(name) > 6": lambda s: len(s.get("name") or "") > 6,
    "subscriber.registered": lambda s: s["subscriber"].get("registered", False),
    "1": lambda s: 1,  # not a flag: never true
    "true": lambda s: True,
    "false": lambda s: False,
}
ARGUMENTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "amount": lambda s: s.get("amount"),
    "secret": lambda s: s.get("secret"),
    "limit": lambda s: s.get("limit"),
    "subscriber.name": lambda s: s["subscriber"].get("name"),
}
ROOTS = {
    "amount > limit.max": ("amount", "limit"), "size(name) > 6": ("name",), 'choice == "a"': ("choice",),
    "subscriber.registered": ("subscriber",), "subscriber.name": ("subscriber",), "true": (),
    "false": (), "1": (),
}  # fmt: skip


class Expression:
    """What Program expects of a compiled expression."""

    def __init__(self, source: str) -> None:
        self.names = ROOTS.get(source, (source.split(" ")[0],))
        self.call = {**CONDITIONS, **ARGUMENTS}[source]

    def __call__(self, scope: dict[str, Any]) -> Any:
        assert set(scope) == set(self.names)
        return self.call(scope)


def parse_phone(text: str) -> "str | None":
    """E.164 digits of ten digits beginning with 07."""
    return (
        "254" + text[1:]
        if len(text) == 10 and text.isascii() and text.isdigit() and text[:2] == "07"
        else None
    )


# -- texts ---------------------------------------------------------------------------------------------

# Drawn from a fixed pool: drawing each word would take longer than all the rest.
_pool = random.Random(1)
WORDS = ["Loan", "repay", "KES", "Chagua", "kiasi", "[ok]", "5€", "wiki~", "a", "Habari", "!", "Rudisha-sasa"]
SLOTS = [
    [["name"], ""], [["name"], "upper"], [["subscriber", "name"], "first"], [["amount"], "money"],
    [["limit", "max"], "money"], [["count"], "number"], [["day"], "date"], [["choice"], ""],
    [["limit", "none"], ""],
]  # fmt: skip
ITEM_SLOTS = [[["item", "ref"], ""], [["item", "amount"], "money"]]


def _segments(words: int, slots: list[Any], most: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(_pool.randint(0, most)):
        found += [" ".join(_pool.choices(WORDS, k=_pool.randint(1, words))) + _pool.choice([" ", "\n"])]
        found += [_pool.choice(slots)]
    found.append(" ".join(_pool.choices(WORDS, k=_pool.randint(1, words))))
    return found


def texts(count: int, words: int, slots: list[Any], most: int) -> st.SearchStrategy[dict[str, Any]]:
    pool = [{language: _segments(words, slots, most) for language in LANGUAGES} for _ in range(count)]
    return st.sampled_from(pool)


LABEL = texts(20, 3, SLOTS, 1)
NOTE = texts(20, 8, SLOTS, 1)
TEXT = (
    LABEL
    | texts(40, 8, SLOTS, 3)
    | texts(10, 60, SLOTS, 2)
    | st.sampled_from(
        [{"en": ["жук 😀 " * 20, [["name"], ""]], "sw": ["x" * 400]}, {"en": ["ж"], "sw": [""]}]
    )
)
ITEM = texts(10, 2, ITEM_SLOTS, 2)
CONDITION = st.sampled_from(sorted(CONDITIONS))


def often(first: st.SearchStrategy[Any], second: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The first three times out of four. (`first | first | second` would be `first | second`.)"""
    return st.integers(0, 3).flatmap(lambda number: first if number else second)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


# -- states --------------------------------------------------------------------------------------------


@st.composite
def options(draw: st.DrawFn, to: st.SearchStrategy[str], least: int, most: int) -> list[dict[str, Any]]:
    rows = draw(
        st.lists(
            st.fixed_dictionaries(
                {"label": LABEL, "value": maybe(st.sampled_from("abc")), "to": to,
                 "when": often(st.none(), CONDITION),
                 "language": often(st.none(), st.sampled_from(LANGUAGES))}
            ),
            min_size=least,
            max_size=most,
        )
    )  # fmt: skip
    keys = draw(
        st.lists(maybe(st.sampled_from(["1", "2", "3", "9", "*", "#"])), min_size=most, max_size=most)
    )
    taken = set()
    for row, key in zip(rows, keys, strict=False):
        row["key"] = None if key in taken else key
        taken.add(key)
    return rows


def screens(**more: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    nav = st.sampled_from(["both"] * 3 + ["back", "home", "none"])
    return {
        "text": TEXT,
        "nav": nav,
        "back": st.sampled_from([True, True, False]),
        "guarded": st.booleans(),
        "resume": st.sampled_from([True, True, False]),
        **more,
    }


CHECKS = {  # conditions on the answer itself, where there are any
    "money": ["amount > 1000", "amount > limit.max", "1"], "integer": ["count > 5"],
    "text": ["size(name) > 6"],
}  # fmt: skip
ASKS: dict[str, dict[str, Any]] = {
    "text": {"save": "name", "max_length": 20},
    "digits": {"save": "code", "min_length": 2, "max_length": 4},
    "integer": {"save": "count", "min_value": 1, "max_value": 5000},
    "money": {"save": "amount", "min_value": 10_000, "max_value": 5_000_000},
    "phone": {"save": "other"},
    "date": {"save": "day"},
    "pin": {"save": "secret", "min_length": 6, "max_length": 6},
    "pattern": {"save": "plate", "pattern": "K[A-Z]{2} ?[0-9]{3}[A-Z]|X+", "max_length": 8},
}
BOUNDS = dict.fromkeys(["min_length", "max_length", "min_value", "max_value"])
SAVES = {
    "limit": st.fixed_dictionaries({"max": st.integers(0, 10**6)}),
    "items": st.lists(
        st.fixed_dictionaries(
            {"ref": st.text("AB12", max_size=8), "amount": st.integers(0, 10**6), "hidden": st.just(1)}
        ),
        min_size=1,
        max_size=6,
    ),
    "amount": st.integers(0, 10**6),
}  # fmt: skip


def menu(to: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"kind": st.just("menu"), **screens(options=options(to, 2, 6), save=maybe(st.just("choice")))}
    )


def ask(to: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    def of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
        rest = {name: st.just(value) for name, value in {**BOUNDS, **ASKS[kind]}.items()}
        conditions = st.sampled_from([*CHECKS.get(kind, ["subscriber.registered"]), "false"])
        check = st.tuples(conditions, NOTE).map(list)
        checks = often(st.just([]), st.lists(check, min_size=1, max_size=2))
        more = {"as": st.just(kind), "check": checks, "invalid": maybe(NOTE), "to": to, **rest}
        return st.fixed_dictionaries({"kind": st.just("ask"), **screens(**more)})

    return st.sampled_from(sorted(ASKS)).flatmap(of)


def do(to: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    route = st.tuples(to, maybe(NOTE)).map(list)
    return st.fixed_dictionaries(
        {
            "kind": st.just("do"), "action": st.sampled_from(["loans.quote", "loans.apply"]),
            "with": st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(sorted(ARGUMENTS))),
            "save": maybe(st.sampled_from(["items", *SAVES])), "effect": st.booleans(),
            "on": st.fixed_dictionaries(
                {"ok": route, "failed": route}, optional={"no": route, "late": route}
            ),
        }
    )  # fmt: skip


def choose(to: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    cases = st.lists(st.tuples(CONDITION, to).map(list), max_size=2)
    last = st.tuples(often(st.none(), CONDITION), to).map(list)
    return st.fixed_dictionaries(
        {"kind": st.just("choose"), "cases": st.builds(lambda a, b: [*a, b], cases, last)}
    )


def list_(to: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    more = {
        "of": st.just("items"), "item": ITEM, "save": maybe(st.just("loan")), "to": maybe(to), "empty": to,
        "options": options(to, 0, 2),
    }  # fmt: skip
    return st.fixed_dictionaries({"kind": st.just("list"), **screens(**more)})


END = st.fixed_dictionaries({"kind": st.just("end"), "text": TEXT})


@functools.cache
def state(index: int, count: int) -> st.SearchStrategy[dict[str, Any]]:
    """A state, which often goes on to the next one."""
    to = st.sampled_from([f"s{(index + 1) % count}"] * 4 + [f"s{other}" for other in range(count)])
    if index == 0:
        return menu(to) | ask(to)
    if index % 3 == 1:
        return do(to) | ask(to)
    kinds = (menu, ask, do, list_, choose, list_)
    return st.one_of([kind(to) for kind in kinds] + [END])


@st.composite
def programs(draw: st.DrawFn) -> dict[str, Any]:
    """Compiled tables of a program that Program accepts; it may still run into a fault."""
    count = draw(st.integers(2, 9))
    rows = [{"name": f"s{index}", **draw(state(index, count))} for index in range(count)]
    for before, row in itertools.pairwise(rows[1:]):
        if row["kind"] == "list" and before["kind"] == "do":  # or hardly a list would have items
            before["save"], before["on"]["ok"][0] = "items", row["name"]
    messages = {name: {language: [f"{name} {language}"] for language in LANGUAGES} for name in MESSAGES}
    messages["too_large"] = {language: ["Most: ", [["limit"], "number"]] for language in LANGUAGES}
    for name, labels in LABELS.items():
        messages[name] = {language: [label] for language, label in zip(LANGUAGES, labels, strict=True)}
    items = {"type": "list", "max": 4, "of": {"ref": {"type": "text", "max": 8}, "amount": {"type": "money"}}}
    return {
        "service": "random", "codes": ["*1#"], "languages": LANGUAGES, "start": "s0",
        "home": draw(st.sampled_from([None, "s0", "s1"])),
        "timeout_s": 180, "resume": "ask", "resume_for_s": 600,
        "screen": draw(st.sampled_from([40, 80, 100, 160, 182])),
        "keys": draw(st.sampled_from(KEYS)),
        "messages": messages, "states": rows, "vars": {"items": items},
    }  # fmt: skip


# -- what is typed, and what actions answer ------------------------------------------------------------

GOOD = {
    "text": st.sampled_from(["Jane Wanjiru", "Ñoño", "O’Neil", "a", "жук", "  two  words "]),
    "digits": st.from_regex("[0-9]{2,4}", fullmatch=True),
    "integer": st.integers(1, 5000).map(str),
    "money": st.integers(100, 50_000).map("{:,}".format) | st.sampled_from(["100", "1000.5", "1 500"]),
    "phone": st.just("0712345678"),
    "date": st.dates().map(lambda day: day.strftime("%d%m") + f"{day.year:04d}"),
    "pin": st.just(SECRET),
    "pattern": st.sampled_from(["KAA 123B", "XX"]),
}
WRONG = [
    "", " ", "*", "**", "#", "1*2", "0", "00", "98", "\x00", "😀", "77", "abc", "0.001", "99999999",
    "31022026", "-1", "01", "１",
]  # fmt: skip
Press = Callable[[Oracle], str]


def _choice(index: int, oracle: Oracle) -> str:
    keys = [key for key, _ in oracle.choices() if key] if oracle.row["kind"] in ("menu", "list") else []
    return keys[index % len(keys)] if keys else "1"


@st.composite
def presses(draw: st.DrawFn) -> Press:
    """Something typed, fitted to the screen: mostly a right answer, else a key, a wrong one, or garbage."""
    what = draw(st.sampled_from(["right"] * 8 + ["key"] * 2 + ["wrong", "garbage"]))
    if what == "key":
        name = draw(st.sampled_from(["back", "back", "home", "more", "more"]))
        return lambda oracle: oracle.tables["keys"][name]
    if what == "garbage":
        text = draw(
            st.text(max_size=12)
            | st.sampled_from(["", " ", "*", "**", "#", "1*2", "0", "00", "98", "\x00", "😀"])
        )
        return lambda oracle: text
    if what == "wrong":
        text = draw(st.sampled_from(["77", "abc", "0.001", "99999999", "31022026", "-1", "01", "１"]))
        return lambda oracle: text
    index = draw(st.integers(0, 9))
    answers = {kind: draw(strategy) for kind, strategy in GOOD.items()}
    return lambda oracle: answers[oracle.row["as"]] if oracle.row["kind"] == "ask" else _choice(index, oracle)


@st.composite
def outcomes(draw: st.DrawFn) -> tuple[int, dict[str, Any], Any]:
    """An outcome's number, a value for each variable it may be saved in, changes to the subscriber."""
    values = {name: draw(often(strategy, st.none())) for name, strategy in SAVES.items()}
    changes = draw(
        st.none() | st.sampled_from([{"registered": True}, {"language": "sw"}, {"name": "Amina Ali"}])
    )
    return draw(st.integers(0, 5)), values, changes


SUBSCRIBERS = st.fixed_dictionaries(
    {},
    optional={
        "registered": st.booleans(),
        "name": st.just("Jane Wanjiru"),
        "language": st.sampled_from(["sw", "fr"]),
    },
)
