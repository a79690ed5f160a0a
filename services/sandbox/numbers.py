"""Receipts, ids and times as M-Pesa writes them. Ids follow from a number and the seed: a run repeats."""

import hashlib
from datetime import UTC, datetime

from services.clock import NAIROBI

BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TAIL = 7
SPACE = len(BASE36) ** TAIL
STRIDE = 48_434_120_329  # prime to 36: multiplying by it shuffles the numbers, one to one
MONTHS = "ABCDEFGHIJKL"
DAYS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
FIRST_YEAR = 2006  # N is 2019 and S is 2024 in captured receipts


def receipt(number: int, seed: int, at: datetime) -> str:
    """A transaction's number, such as SG632NMUAB: year, month, day, and seven more."""
    day = at.astimezone(NAIROBI)
    rest = (number * STRIDE + seed) % SPACE
    tail = []
    for _ in range(TAIL):
        rest, index = divmod(rest, len(BASE36))
        tail.append(BASE36[index])
    return (
        chr(ord("A") + (day.year - FIRST_YEAR) % 26) + MONTHS[day.month - 1] + DAYS[day.day] + "".join(tail)
    )


def conversation_id(number: int, seed: int, at: datetime) -> str:
    """Such as AG_20240706_20106e9209f64bebd05b."""
    return f"AG_{at.astimezone(NAIROBI):%Y%m%d}_2010{digest(seed, 'conversation', number)[:16]}"


def request_id(number: int, seed: int) -> str:
    """A merchant request id, or an originator id that Daraja makes up: 29115-34620561-1."""
    return f"{int(digest(seed, 'request')[:4], 16)}-{number:08d}-1"


def checkout_id(number: int, at: datetime) -> str:
    """Such as ws_CO_191220191020363925: when, and a number."""
    return f"ws_CO_{at.astimezone(NAIROBI):%d%m%Y%H%M%S}{number:09d}"


def digest(*parts: object) -> str:
    """Sixty-four hexadecimal digits that follow from the parts."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def chance(*parts: object) -> float:
    """A number from 0 up to 1 that follows from the parts."""
    return int(digest(*parts)[:13], 16) / 16**13


def compact(at: datetime) -> str:
    """YYYYMMDDHHmmss in Nairobi, as STK and C2B write times."""
    return f"{at.astimezone(NAIROBI):%Y%m%d%H%M%S}"


def dotted(at: datetime) -> str:
    """dd.mm.yyyy HH:MM:SS in Nairobi, as B2C writes them."""
    return f"{at.astimezone(NAIROBI):%d.%m.%Y %H:%M:%S}"


def shillings(cents: int) -> str:
    """1234567 cents as 12345.67."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def amount(cents: int) -> int | float:
    """Cents as the JSON number of shillings: 10, or 10.5."""
    return cents // 100 if cents % 100 == 0 else float(shillings(cents))


def parsed(at: str) -> datetime:
    """The moment an ISO text of ours names."""
    return datetime.fromisoformat(at).astimezone(UTC)


def masked(msisdn: str) -> str:
    """As C2B v2 shows a payer: 2547 ***** 126."""
    return f"{msisdn[:4]} ***** {msisdn[-3:]}"


def hashed(msisdn: str) -> str:
    """As C2B v1 shows a payer."""
    return hashlib.sha256(msisdn.encode()).hexdigest()
