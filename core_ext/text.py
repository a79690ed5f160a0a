"""Sizes of a screen: GSM-7 septets, UCS-2 units, and splitting a long text into pages.

A USSD string is at most 160 octets (3GPP TS 24.080 annex A): 182 septets of the GSM 7-bit alphabet
(3GPP TS 23.038), or 80 UCS-2 units as soon as one character is outside that alphabet. Characters of
the extension table cost two septets.

Rules: nothing here cuts a text, it only splits; each page with its footer fits; a split falls on a
line end if one is near, else on a word end, else (a word longer than a page) between characters.
"""

import cython

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"

# What word processors put in and GSM-7 does not have, and its plain equivalent.
_PLAIN = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'", "´": "'",
        "“": '"', "”": '"', "„": '"', "″": '"', "«": '"', "»": '"',
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-",
        "…": "...", "•": "-", "·": "-", "×": "x",
        "\t": " ", "\u00a0": " ", "\u2007": " ", "\u2009": " ", "\u202f": " ",
        "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "", "\u00ad": "",
    }
)  # fmt: skip

# Declared, so that compiled code indexes bytes and not an object looked up by name for each character.
_COST = cython.declare(
    bytes, bytes(1 if chr(code) in BASIC else 2 if chr(code) in EXTENSION else 0 for code in range(128))
)
_WIDE_BASIC: frozenset[str] = frozenset(character for character in BASIC if ord(character) > 127)
_LEAST_PAGE = 8


@cython.cfunc
@cython.inline
def _septets(character: cython.Py_UCS4) -> cython.int:
    """Septets of one character; 0: not in the GSM 7-bit alphabet."""
    code: cython.int = ord(character)
    if code < 128:
        return _COST[code]
    if character in _WIDE_BASIC:
        return 1
    return 2 if code == 0x20AC else 0


def size(text: str) -> tuple[int, bool]:
    """Units a text takes and whether they are septets: (septets, True) or (UCS-2 units, False)."""
    units: cython.Py_ssize_t = _in_septets(text)
    return (units, True) if units >= 0 else (_ucs2_units(text), False)


@cython.cfunc
@cython.boundscheck(False)
@cython.wraparound(False)
def _in_septets(text: str) -> cython.Py_ssize_t:
    """Septets a text takes; -1: it has a character outside the GSM 7-bit alphabet."""
    total: cython.Py_ssize_t = 0
    cost: cython.int
    code: cython.int
    character: cython.Py_UCS4
    costs: bytes = _COST  # a local, or it is looked up for each character
    for character in text:
        code = ord(character)
        cost = costs[code] if code < 128 else _septets(character)
        if cost == 0:
            return -1
        total += cost
    return total


def _ucs2_units(text: str) -> int:
    total: cython.Py_ssize_t = 0
    character: cython.Py_UCS4
    for character in text:
        total += 2 if ord(character) > 0xFFFF else 1
    return total


def capacity(septets: int, gsm: bool) -> int:
    """Units a screen of so many septets holds: 160 septets are 70 UCS-2 units, 182 are 80."""
    return septets if gsm else (septets * 7 + 7) // 8 // 2


@cython.ccall
def fits(text: str, septets: cython.int) -> cython.bint:
    """Whether a text fits a screen of so many septets."""
    units: cython.Py_ssize_t = _in_septets(text)
    if units >= 0:
        return units <= septets
    return _ucs2_units(text) <= capacity(septets, False)


def to_gsm(text: str) -> str:
    """The text with typographic quotes, dashes and spaces replaced by their GSM-7 equivalents."""
    return text.translate(_PLAIN)


def outside(text: str) -> str:
    """The characters of a text that are not in the GSM 7-bit alphabet, each once, in order."""
    found: dict[str, None] = {}
    for character in text:
        if _septets(character) == 0:
            found[character] = None
    return "".join(found)


@cython.ccall
def paginate(
    text: str, septets: cython.int, alone: str = "", first: str = "", middle: str = "", last: str = ""
) -> list:  # type: ignore[type-arg]
    """Split a text into pages of at most so many septets, each with its footer as a last line.

    alone is the footer of a text that needs one page only; first, middle and last are those of a text
    that needs more. Raises ValueError when a footer leaves no room for text.
    """
    whole = _with_footer(text, alone)
    if fits(whole, septets):
        return [whole]
    text = text.rstrip(" \n")  # or the last page could be empty
    gsm = size(text + first + middle + last)[1]
    limit = capacity(septets, gsm)
    pages: list[str] = []
    position: int = 0
    while True:
        room_last = limit - _footer_units(last, gsm)
        room = limit - _footer_units(middle if pages else first, gsm)
        if min(room, room_last) < _LEAST_PAGE:
            raise ValueError(f"a screen of {septets} septets has no room beside its footer")
        if pages and _reach(text, position, room_last, gsm) == len(text):
            pages.append(_with_footer(text[position:], last))
            return pages
        end, after = _cut(text, position, room, gsm)
        pages.append(_with_footer(text[position:end], middle if pages else first))
        position = after


@cython.cfunc
def _with_footer(text: str, footer: str) -> str:
    return f"{text}\n{footer}" if footer else text


def _footer_units(footer: str, gsm: bool) -> int:
    if not footer:
        return 0
    return 1 + (size(footer)[0] if gsm else _ucs2_units(footer))


def _reach(text: str, start: int, room: int, gsm: bool) -> int:
    """The index just past the last character that still fits into the room."""
    used: cython.Py_ssize_t = 0
    index: cython.Py_ssize_t = start
    cost: cython.int
    length: cython.Py_ssize_t = len(text)
    while index < length:
        character: cython.Py_UCS4 = text[index]
        cost = _septets(character) if gsm else (2 if ord(character) > 0xFFFF else 1)
        if used + cost > room:
            break
        used += cost
        index += 1
    return index


def _cut(text: str, start: int, room: int, gsm: bool) -> tuple[int, int]:
    """Where a page ends and where the next begins (the separator between is dropped)."""
    reach = _reach(text, start, room, gsm)
    if reach == len(text):  # it fits beside this footer but not beside the last page's: keep some back
        reach -= 1
    near = start + (reach - start) * 2 // 5
    line = text.rfind("\n", near, reach + 1)
    if line > start:
        return line, line + 1
    word = max(text.rfind(" ", start + 1, reach + 1), text.rfind("\n", start + 1, reach + 1))
    if word > start:
        return word, word + 1
    return reach, reach
