"""Who calls: people with a number, a national id, a name and a PIN that nobody had before them.

Each run begins where the clock is, ten people for each second since 1970, or where the last run of this
checkout ended, if that used more than ten a second. So a run after another on the same database meets
strangers only; after some 115 days the numbers come round again. The processes of a run take every n-th
person each.
"""

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.borrowers import pins

NEXT_FILE = Path(__file__).parents[1] / "build" / "loadtest" / "next-person"
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


def first_now(file: Path = NEXT_FILE) -> int:
    """The number of the first person of a run that begins now. file: where the last run left the next."""
    clock = int(time.time() * PER_SECOND) % NUMBERS
    try:
        ahead = (int(file.read_text()) - clock) % NUMBERS
    except (OSError, ValueError):
        return clock
    return (clock + ahead) % NUMBERS if ahead < NUMBERS // 2 else clock


def leave(number: int, file: Path = NEXT_FILE) -> None:
    """Keep for the next run that everybody before `number` has called. Without the file the clock decides."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{number % NUMBERS}\n")


def person(number: int, chance: random.Random) -> Person:
    """The person of that number. chance: picks the name and the PIN."""
    number %= NUMBERS
    name = f"{chance.choice(_FIRST_NAMES)} {chance.choice(_LAST_NAMES)}"
    pin = next(pin for pin in _pins(chance) if not pins.is_weak(pin))
    return Person(f"2547{number:08d}", str(_FIRST_ID + number), name, pin)


class Strangers:
    """One process's people, without end. `next` is the number of the one who comes next."""

    def __init__(self, first: int, place: int, places: int, chance: random.Random) -> None:
        """place: which of the run's `places` processes it is, from 0."""
        self.next = first + place
        self._step = places
        self._chance = chance

    def __iter__(self) -> Iterator[Person]:
        return self

    def __next__(self) -> Person:
        found = person(self.next, self._chance)
        self.next += self._step
        return found


def another_pin(pin: str, chance: random.Random) -> str:
    """A PIN that is not this one."""
    return next(other for other in _pins(chance) if other != pin)


def _pins(chance: random.Random) -> Iterator[str]:
    while True:
        yield f"{chance.randrange(10_000):04d}"
