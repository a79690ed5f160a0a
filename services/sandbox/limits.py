"""What M-Pesa allows: limits per transaction, day and wallet, and the tariff of payouts."""

from datetime import datetime

from services.clock import nairobi_date
from services.sandbox.numbers import parsed
from services.sandbox.records import Payment
from services.sandbox.world import World

MOST_CENTS = 25_000_000  # a transaction
DAY_CENTS = 50_000_000
WALLET_CENTS = 50_000_000
LEAST_STK_CENTS = 100
LEAST_B2C_CENTS = 1_000

BELOW_LEAST, ABOVE_MOST, ABOVE_DAY, ABOVE_WALLET = 2, 3, 4, 8

# The bulk tariff for registered customers, up to which amount costs what (Nation, 2023-01).
BULK = ((10_000, 0), (150_000, 500), (500_000, 900), (2_000_000, 1_100))
BULK_ABOVE = 1_200


def fee_cents(cents: int, tariff: str) -> int:
    """What a payout costs the organisation."""
    if tariff == "none":
        return 0
    return next((fee for upto, fee in BULK if cents <= upto), BULK_ABOVE)


def amount_code(cents: int, least: int) -> int | None:
    """The result code of an amount outside the limits of one transaction."""
    if cents < least:
        return BELOW_LEAST
    return ABOVE_MOST if cents > MOST_CENTS else None


def day_code(world: World, msisdn: str, cents: int, now: datetime) -> int | None:
    """The result code of an amount that takes the phone over its day."""
    today = nairobi_date(now)
    spent = 0
    for payment in world.of_phone(msisdn):
        if nairobi_date(parsed(payment.created_at)) != today:
            break
        spent += payment.cents if payment.succeeded and payment.kind != "reversal" else 0
    return ABOVE_DAY if spent + cents > DAY_CENTS else None


def repeats(world: World, payment: Payment, seconds: float) -> bool:
    """Whether the phone paid the same amount by STK within so many seconds before."""
    for other in world.of_phone(payment.msisdn):
        if (parsed(payment.created_at) - parsed(other.created_at)).total_seconds() > seconds:
            return False
        same = (other.kind, other.cents) == ("stk", payment.cents)
        if other.number != payment.number and same and other.succeeded:
            return seconds > 0
    return False
