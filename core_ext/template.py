"""Texts with slots: `{limit.max|money}`. Precompiled to segments; no logic, a closed list of filters.

A slot is a path into the variables and a filter. What a filter prints depends on the value only, so
the longest screen can be worked out from the variables' declared types.
"""

from collections.abc import Callable, Sequence
from typing import Any

import cython

from .text import to_gsm
from .writer import Writer


def money(cents: int) -> str:
    """Cents as shillings: 500000 is "5,000", 500050 is "5,000.50"."""
    whole, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    return f"{sign}{whole:,}.{rest:02d}" if rest else f"{sign}{whole:,}"


@cython.cfunc
def _put_money(to: Writer, cents: cython.longlong) -> object:
    """What `money` prints of the usual amounts, below a million shillings."""
    whole: cython.longlong = cents // 100
    rest: cython.longlong = cents % 100
    if whole >= 1000:
        to.number(whole // 1000)
        whole %= 1000
        to.put(b",00" if whole < 10 else b",0" if whole < 100 else b",")
    to.number(whole)
    if rest != 0:
        to.put(b".0" if rest < 10 else b".")
        to.number(rest)
    return None


def number(value: int) -> str:
    """An integer with thousands separated: 12345 is "12,345"."""
    return f"{value:,}"


def percent(basis_points: int) -> str:
    """Basis points as per cent: 1500 is "15%", 18250 is "182.5%"."""
    whole, rest = divmod(abs(basis_points), 100)
    sign = "-" if basis_points < 0 else ""
    return f"{sign}{whole}.{rest:02d}".rstrip("0") + "%" if rest else f"{sign}{whole}%"


def date(iso: str) -> str:
    """An ISO date as day/month/year: "2026-11-23" is "23/11/2026"."""
    return f"{iso[8:10]}/{iso[5:7]}/{iso[0:4]}"


def first(text: str) -> str:
    """The first word."""
    return text.split(" ", 1)[0]


def phone(msisdn: str) -> str:
    """A masked number, for reading back: "254712345678" is "07xx xxx 678"."""
    return f"07xx xxx {msisdn[-3:]}" if msisdn.startswith("2547") else f"xxx xxx {msisdn[-3:]}"


FILTERS: dict[str, Callable[[Any], str]] = {
    "": str,
    "money": money,
    "number": number,
    "percent": percent,
    "date": date,
    "upper": lambda value: str(value).upper(),
    "first": first,
    "phone": phone,
}


_SAFE = frozenset((money, number, percent))  # what these print needs no cleaning


_NONE: list = []  # type: ignore[type-arg]  # parts of a text that has no slot


@cython.cclass
class Template:
    """One text in one language. `static` is the whole text when it has no slot, else None."""

    def __init__(self, segments: Sequence[Any]) -> None:
        """segments: literals as str, slots as [path, filter] with path a list of names.

        Raises KeyError for a filter that does not exist.
        """
        self._parts: list = []  # type: ignore[type-arg]  # literals in UTF-8, and slots
        for segment in segments:
            if isinstance(segment, str):
                self._parts.append(segment.encode())
            else:
                path, name = segment
                self._parts.append((tuple(path), FILTERS[name]))
        literal = all(isinstance(segment, str) for segment in segments)
        self.static = "".join(segments) if literal else None
        if literal:
            self._parts = _NONE

    @cython.ccall
    def render(self, variables: dict, subscriber: dict, item: object) -> str:  # type: ignore[type-arg]
        """The text with its slots filled; a value that is not there prints as nothing."""
        if self.static is not None:
            return self.static
        to: Writer = Writer()
        self.put(to, variables, subscriber, item)
        return to.decoded()

    @cython.ccall
    def put(self, to: Writer, variables: dict, subscriber: dict, item: object) -> object:  # type: ignore[type-arg]
        """Write what `render` gives."""
        if self.static is not None:
            return to.utf8(self.static)
        for part in self._parts:
            if type(part) is bytes:
                to.put(part)
                continue
            path, show = part
            value: object = lookup(path, variables, subscriber, item)
            if value is None:
                continue
            if show is str and type(value) is str:
                to.utf8(clean(value))
            elif show is money and type(value) is int and 0 <= value < 100_000_000:
                _put_money(to, value)
            else:
                to.utf8(show(value) if show in _SAFE else clean(show(value)))
        return None


@cython.ccall
def lookup(path: tuple, variables: dict, subscriber: dict, item: object) -> object:  # type: ignore[type-arg]
    """The value at a dotted path, or None. The roots `subscriber` and `item` are not variables."""
    root: str = path[0]
    value: object
    if root == "subscriber":
        value = subscriber
    elif root == "item":
        value = item
    else:
        value = variables.get(root)
    if len(path) == 1:
        return value
    for name in path[1:]:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


@cython.ccall
def clean(text: str) -> str:
    """A value safe to print: one line, no control characters, GSM-7 punctuation."""
    if text.isascii() and text.isprintable():
        return text
    text = to_gsm(text)
    return "".join([character if character.isprintable() else " " for character in text])
