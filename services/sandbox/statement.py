"""The organisation's statement, as its portal exports it: a few lines about it, a header, newest first.

Times are Nairobi's, dd-mm-yyyy. What left the account is below zero. A payer's number is masked, a
payee's is not.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from services.clock import NAIROBI
from services.sandbox import numbers
from services.sandbox.core import Sandbox
from services.sandbox.wallets import CHARGES, FEES, ORGANISATION, OUTSIDE, UTILITY, WORKING, Move

COLUMNS = (
    "Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In",
    "Withdrawn", "Balance", "Balance Confirmed", "Reason Type", "Other Party Info", "Linked Transaction ID",
    "A/C No.",
)  # fmt: skip
TITLES = {UTILITY: "Utility Account", WORKING: "Working Account", CHARGES: "Charges Paid Account"}


def statement(box: Sandbox, account: str, since: datetime | None, until: datetime | None) -> str:
    """CSV of one account's moves; a row's balance is the one after it."""
    assert account in ORGANISATION, account
    rows, balance = [], 0
    for move in box.world.wallets.moves:
        cents = move.of(account)
        if cents == 0:
            continue
        balance += cents
        at = numbers.parsed(move.at)
        if (since is None or since <= at) and (until is None or at <= until):
            rows.append(_row(box, account, move, cents, balance))
    return _csv([*_head(box, account), COLUMNS, *reversed(rows)])


def _head(box: Sandbox, account: str) -> Iterator[tuple[str, ...]]:
    shortcode = box.settings.paybill if account == WORKING else box.settings.payout_shortcode
    yield "Account Holder:", box.settings.organisation
    yield "Short Code:", shortcode
    yield "Account:", TITLES[account]


def _row(box: Sandbox, account: str, move: Move, cents: int, balance: int) -> tuple[str, ...]:
    payment = box.world.payment_of(receipt=move.receipt)
    begun = payment.created_at if payment else move.at
    details = move.reason if account != CHARGES else f"{move.reason} Charge"
    return (
        move.receipt,
        _time(move.at),
        _time(begun),
        details,
        "Completed",
        numbers.shillings(cents) if cents > 0 else "",
        numbers.shillings(cents) if cents < 0 else "",
        numbers.shillings(balance),
        "true",
        move.reason,
        _other(box, account, move),
        payment.linked if payment else "",
        payment.reference if payment else "",
    )


def _other(box: Sandbox, account: str, move: Move) -> str:
    """Who is on the other side: a person, one of our own accounts, or a bank."""
    others = [name for name, _ in move.legs if name not in (account, FEES, CHARGES)]
    if not others:
        return "Safaricom"
    other = others[0]
    if other == OUTSIDE:
        return "Bank"
    if other in TITLES:
        return TITLES[other]
    shown = other if account == UTILITY else f"{other[:4]}****{other[-3:]}"
    return f"{shown} - {box.phone(other).name}"


def _time(at: str) -> str:
    return f"{numbers.parsed(at).astimezone(NAIROBI):%d-%m-%Y %H:%M:%S}"


def _csv(rows: Iterable[Iterable[str]]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue()
