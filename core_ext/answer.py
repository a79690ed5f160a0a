"""What a phone typed, read as a typed value. Strict: anything odd is refused with the name of the
engine's sentence that says why, never guessed at.

Values: text and digits are str, integer is int, money is int cents, date is ISO text, phone is E.164
digits without the plus (read by the function the program was given), pin is str and secret.
"""

import datetime
import re
from collections.abc import Callable
from typing import Any

import cython

_INTEGER = re.compile(r"[0-9]{1,12}")
_MONEY = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,2}))?")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:[, ][0-9]{3})+(?:\.[0-9]{1,2})?")
_DATE = re.compile(r"([0-9]{1,2})[-/. ]?([0-9]{2})[-/. ]?([0-9]{4})")
_DIGITS = re.compile(r"[0-9]+")
_LONGEST = 512  # no answer is read past this, so that no pattern is tried on it


class Refused(Exception):
    """The answer does not read as the state asks. `message` names the engine's sentence; `limit` is
    the bound that was passed, when one was."""

    def __init__(self, message: str, limit: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.limit = limit


@cython.cclass
class Reader:
    """Reads the answers of one `ask` state."""

    def __init__(
        self,
        kind: str,
        pattern: str | None,
        min_length: int | None,
        max_length: int | None,
        min_value: int | None,
        max_value: int | None,
        parse_phone: Callable[[str], str | None],
    ) -> None:
        """Bounds may be None. parse_phone returns E.164 digits, or None for no number."""
        self.kind = kind
        self._pattern: Any = re.compile(pattern) if pattern is not None else None
        self._min_length = 1 if min_length is None else min_length
        self._max_length = 160 if max_length is None else max_length
        self._min_value = min_value
        self._max_value = max_value
        self._parse_phone = parse_phone

    @cython.ccall
    def read(self, text: str) -> object:
        """The value. Raises Refused."""
        text = text.strip()
        if len(text) > _LONGEST:
            raise Refused("invalid_" + self.kind)
        if self.kind == "money":
            return self._in_bounds(_cents(text))
        if self.kind == "integer":
            if _INTEGER.fullmatch(text) is None:
                raise Refused("invalid_integer")
            return self._in_bounds(int(text))
        if self.kind == "date":
            return _iso_date(text)
        if self.kind == "phone":
            number = self._parse_phone(text)
            if number is None:
                raise Refused("invalid_phone")
            return number
        return self._read_text(text)

    @cython.cfunc
    def _read_text(self, text: str) -> object:
        refusal: str = "invalid_" + self.kind
        if not text.isprintable():
            raise Refused(refusal)
        if self.kind == "text":
            text = " ".join(text.split())
        elif self.kind == "pattern":
            if self._pattern.fullmatch(text) is None:
                raise Refused(refusal)
        elif _DIGITS.fullmatch(text) is None:  # digits, pin
            raise Refused(refusal)
        if not self._min_length <= len(text) <= self._max_length:
            raise Refused(refusal)
        return text

    @cython.cfunc
    def _in_bounds(self, value: Any) -> object:
        if self._min_value is not None and value < self._min_value:
            raise Refused("too_small", self._min_value)
        if self._max_value is not None and value > self._max_value:
            raise Refused("too_large", self._max_value)
        return value


def _cents(text: str) -> int:
    if len(text) < 10 and text.isdecimal() and text.isascii():  # as nearly everybody types it
        return int(text) * 100
    if _THOUSANDS.fullmatch(text) is not None:
        text = text.replace(",", "").replace(" ", "")
    found = _MONEY.fullmatch(text)
    if found is None:
        raise Refused("invalid_money")
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def _iso_date(text: str) -> str:
    found = _DATE.fullmatch(text)
    if found is None:
        raise Refused("invalid_date")
    try:
        return datetime.date(int(found[3]), int(found[2]), int(found[1])).isoformat()
    except ValueError:
        raise Refused("invalid_date") from None
