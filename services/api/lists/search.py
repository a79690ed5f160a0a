"""What somebody typed into a search: a phone number, a reference, or words of a name.

A phone number is looked for whole: with parts of one, somebody could find out number by number what is
masked from them. A reference is looked for before a name, for a few names could be one.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from services.api.lists.listing import Where
from services.api.lists.pages import Finder, Found
from services.api.problems import INVALID, Problem

MOST_WORDS = 5
_NUMBER = re.compile(r"\+?[0-9][0-9 ()-]{7,20}")
_REF = re.compile(r"[A-Za-z0-9]{4,8}")

WORDS = "select name_key($1)"
BY_MSISDN = "select id from borrower where msisdn = $1"
BY_REF = "select id, borrower_id from loan where ref = $1"


@dataclass(slots=True, frozen=True)
class Meant:
    """What a text is: whose number, which loan, or the words it consists of."""

    text: str
    is_number: bool = False
    borrower_id: int | None = None
    loan_id: int | None = None
    words: list[str] = field(default_factory=list)


async def understand(connection: Any, text: str) -> Meant:
    """What was meant. A number of nobody has is_number and no borrower."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        digits = re.sub(r"[^0-9]", "", text)
        if digits.startswith("0"):
            digits = "254" + digits[1:]
        return Meant(text, True, await connection.fetchval(BY_MSISDN, digits))
    if _REF.fullmatch(text):
        loan = await connection.fetchrow(BY_REF, text.upper())
        if loan is not None:
            return Meant(text, False, loan["borrower_id"], loan["id"])
    words = (await connection.fetchval(WORDS, text)).split()
    return Meant(text, words=words)


class People(Finder):
    """Lists that are searched by name: of people, and of their loans. Named people come in the order of the
    word that was typed."""

    def __init__(self, borrower: str, loan: str = "") -> None:
        """The columns of the borrower's id and, in a list of loans, of the loan's."""
        self._borrower, self._loan = borrower, loan

    async def look(self, connection: Any, text: str, where: Where) -> Found:
        """By number, by reference, by name."""
        meant = await understand(connection, text)
        if meant.loan_id is not None and self._loan:
            where.add(f"{self._loan} = {{}}", meant.loan_id)
        elif meant.borrower_id is not None:
            where.add(f"{self._borrower} = {{}}", meant.borrower_id)
        elif meant.is_number or not meant.words:
            return Found(where, none=True)
        else:
            named(where, meant.words)
            return Found(where, sort="found")
        return Found(where)


class Things(Finder):
    """Lists of what happened: by number of a person, reference of a loan, or a receipt of their own."""

    def __init__(self, borrower: str, loan: str, own: str) -> None:
        """The columns of the borrower's and the loan's id, and a condition for a receipt, with {}."""
        self._borrower, self._loan, self._own = borrower, loan, own

    async def look(self, connection: Any, text: str, where: Where) -> Found:
        """By number, by reference, by receipt. Raises INVALID for words of a name."""
        meant = await understand(connection, text)
        if meant.loan_id is not None:
            where.add(f"{self._loan} = {{}}", meant.loan_id)
        elif meant.borrower_id is not None:
            where.add(f"{self._borrower} = {{}}", meant.borrower_id)
        elif meant.is_number and not self._own:
            return Found(where, none=True)
        elif " " in meant.text:
            raise _not_by_name()
        else:
            where.add(self._own, meant.text)
        return Found(where)


def named(where: Where, words: list[str]) -> None:
    """Whose name has words that begin like these. One of them is walked in order, the others looked for."""
    first = max(words[:MOST_WORDS], key=len)
    where.find("borrower_word.word >= {}", first)
    where.find("borrower_word.word < {}", first + "\U0010ffff")
    # Somebody with two words that begin so comes once, at the first of them.
    where.find("(borrower_word.before is null or borrower_word.before < {})", first)
    rest = list(words[:MOST_WORDS])
    rest.remove(first)
    for word in rest:
        where.add("' ' || borrower_word.name like '% ' || {}::text || '%'", _literal(word))


def _literal(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)


def _not_by_name() -> Problem:
    what = "is a phone number, a loan's reference or a receipt here; look for people under admin/users"
    return INVALID.of(f"query.q: {what}.", [{"where": "query.q", "what": what}])
