"""Names: kept as people write them, shown in letters that their phones have."""

import unicodedata

from core_ext.text import outside, to_gsm

SHOWN = 20  # characters of a name that the menus declare


def tidy(name: str) -> str:
    """The name without blanks around it or doubled inside."""
    return " ".join(name.split())


def shown(name: str) -> str:
    """The name for a screen.

    One letter outside GSM-7 makes a screen of 160 characters one of 70, so letters lose the marks that
    phones do not have: Wanjirũ is shown as Wanjiru. A name in another script stays as it is.
    """
    plain = "".join(_unmarked(letter) for letter in to_gsm(unicodedata.normalize("NFC", name)))
    return (name if outside(plain) else plain)[:SHOWN].rstrip()


def _unmarked(letter: str) -> str:
    if not outside(letter):
        return letter
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
