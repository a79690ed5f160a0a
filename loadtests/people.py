"""Who calls: people with a number, a national id, a name and a PIN that nobody had before them.

Each run begins where the clock is, ten people for each second since 1970, so that a run after another on
the same database meets strangers only; after some 115 days the numbers come round again. The processes
of a run take every n-th person each.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.borrowers import pins

PER_SECOND = 10
NUMBERS = 100_000_000  # 2547 and eight digits: the numbering plan has each of them
_FIRST_ID = 100_000_000  # so all national ids have nine digits

_FIRST_NAMES = (
    "Wanjirũ", "Achieng", "Juma", "Asha", "Kiprono", "Naliaka", "Otieno", "Mwende", "Barasa", "Fatuma",
    "Kamau", "Chebet", "Ng'ang'a",
)  # fmt: skip
_LAST_NAMES = (
    "Kamau", "Otieno", "Ali", "Mutua", "Wekesa", "Cheruiyot", "Njoroge", "Odhiambo", "Hassan", "Maina",
    "Kilonzo", "Were",
)  # fmt: skip


@dataclass(slots=True, frozen=True)
class Person:
    """Somebody who calls. msisdn has no plus."""

    msisdn: str
    national_id: str
    name: str
    pin: str = field(repr=False)

    @property
    def masked(self) -> str:
        """The number as it may be printed."""
        return f"{self.msisdn[:4]}…{self.msisdn[-3:]}"


def first_now() -> int:
    """The number of the first person of a run that begins now."""
    return int(time.time() * PER_SECOND) % NUMBERS


def person(number: int, chance: random.Random) -> Person:
    """The person of that number. chance: picks the name and the PIN."""
    number %= NUMBERS
    name = f"{chance.choice(_FIRST_NAMES)} {chance.choice(_LAST_NAMES)}"
    pin = next(pin for pin in _pins(chance) if not pins.is_weak(pin))
    return Person(f"2547{number:08d}", str(_FIRST_ID + number), name, pin)


def people(first: int, place: int, places: int, chance: random.Random) -> Iterator[Person]:
    """One process's people, without end. place: which of the run's `places` processes it is, from 0."""
    number = first + place
    while True:
        yield person(number, chance)
        number += places


def another_pin(pin: str, chance: random.Random) -> str:
    """A PIN that is not this one."""
    return next(other for other in _pins(chance) if other != pin)


def _pins(chance: random.Random) -> Iterator[str]:
    while True:
        yield f"{chance.randrange(10_000):04d}"
