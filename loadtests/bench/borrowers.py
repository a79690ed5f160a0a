"""Borrowers of Umoja Loans for the bench: some join through the menus, the others are copied from the first
of them; then each takes a loan.

A borrower's number makes everything of theirs: the phone, the national id, the session.
"""

import hashlib
import hmac
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import yaml
from argon2 import PasswordHasher

from loadtests.bench.dialogs import FOLDER
from loadtests.bench.walker import Gateway, Talk, Traffic, Wrong, quoted
from ussd_engine.embedded import DATABASE, Servers

SERVICE_CODE = "*384*89598#"
PIN = "4071"
MSISDN = "2547"  # and eight digits
PLACEHOLDERS = {"{ref}": "[0-9A-Z]{4,8}", "{due}": r"\d\d/\d\d/\d{4}"}

# The same code checks both: a hash says itself what it costs.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

COPY = """
with model as (
    select *
    from borrower
    where msisdn = '{model}'
),
people as (
    insert into borrower (msisdn, language, name, national_id, pin_hash, registered_at)
    select '{prefix}' || lpad(number::text, 8, '0'), language, name, (10000000 + number)::text,
           coalesce({pin_hash}, pin_hash), registered_at
    from model, generate_series({first}, {first} + {count} - 1) as number
    returning id, msisdn
)
insert into consent (borrower_id, purpose, version, bundle, language, channel, session_key, words_sha256)
select people.id, consent.purpose, consent.version, consent.bundle, consent.language, consent.channel,
       consent.session_key || people.msisdn, consent.words_sha256
from people, model
join consent on consent.borrower_id = model.id
"""


@dataclass(slots=True, frozen=True)
class Press:
    """One turn: the text so far, quoted, and what the answer must match. {id}: the national id."""

    text: str
    screen: str


@lru_cache
def source(dialog: str) -> list[dict[str, str]]:
    """A dialog of journey.yaml: its turns, each with its input and screen."""
    read: dict[str, list[dict[str, str]]] = yaml.safe_load(
        (FOLDER / "journey.yaml").read_text(encoding="utf-8")
    )
    return read[dialog]


@lru_cache
def presses(dialog: str) -> tuple[Press, ...]:
    """A dialog as a gateway sends it. Its screens are patterns."""
    turns = source(dialog)
    inputs = [turn["input"] for turn in turns[1:]]
    return tuple(
        Press(quoted(inputs[:place]).replace("%7Bid%7D", "{id}"), pattern(turn["screen"]))
        for place, turn in enumerate(turns)
    )


def pattern(screen: str) -> str:
    """What an answer must match to be that screen."""
    found = re.escape(screen.rstrip("\n"))
    for name, value in PLACEHOLDERS.items():
        found = found.replace(re.escape(name), value)
    return found


def msisdn(number: int) -> str:
    """A borrower's number on the phone network."""
    return f"{MSISDN}{number:08d}"


@dataclass
class Borrowers(Traffic):
    """Each of them, from the next on, walks one dialog: `join` or `apply`. Counts them, and the seconds of
    the last answer, the one with the work behind it."""

    port: int
    kind: Literal["join", "apply"]
    first: int
    last: int
    counts: Counter[str] = field(default_factory=Counter)
    done: int = 0
    took: list[float] = field(default_factory=list)
    _screens: list[re.Pattern[bytes]] = field(default_factory=list)

    def dialog(self) -> Talk | None:
        """The next borrower's."""
        if self.first > self.last:
            return None
        self.first += 1
        return self._talk(self.first - 1)

    def _talk(self, number: int) -> Talk:
        self._screens = self._screens or [re.compile(each.screen.encode()) for each in presses(self.kind)]
        gateway = Gateway(self.port, SERVICE_CODE)
        session = f"ATUid_{self.kind}{number:08d}"
        sent = 0.0
        for press, screen in zip(presses(self.kind), self._screens, strict=True):
            sent = time.perf_counter()
            text = press.text.replace("{id}", str(10_000_000 + number))
            body = yield gateway.request(session, msisdn(number), text)
            if screen.fullmatch(body) is None:
                raise Wrong(repr(press.screen))
        self.took.append(time.perf_counter() - sent)
        self.counts["dialogs"] += 1
        self.done += 1

    def told(self) -> tuple[int, list[float]]:
        """How many dialogs came to their end, and the seconds of their last answers."""
        told = self.done, self.took
        self.done, self.took = 0, []
        return told


def copies(servers: Servers, model: int, first: int, count: int, pin_hash: str | None = None) -> None:
    """Write borrowers as the one who joined; only number, phone, national id and, if given, hash differ."""
    statement = COPY.format(
        model=msisdn(model), prefix=MSISDN, first=first, count=count,
        pin_hash="null" if pin_hash is None else f"'{pin_hash}'",
    )  # fmt: skip
    servers.sql(statement, DATABASE)


def cheap_hash(secret: str) -> str:
    """The PIN as services/borrowers/pins.py keeps it, with the least work argon2 can be asked for."""
    return CHEAP.hash(hmac.digest(secret.encode(), b"pin:" + PIN.encode(), hashlib.sha256))
