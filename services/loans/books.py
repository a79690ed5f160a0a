"""A loan in the ledger: which journals its life makes.

    paid out         Dr loan_principal:REF                     Cr mpesa_utility
    fee earned       Dr loan_fee:REF, loan_excise:REF          Cr fee_income, excise_payable
    charged          Dr loan_interest, _penalty or _fee, and   Cr interest_, penalty_ or fee_income,
                        loan_excise                               excise_payable
    paid back        Dr mpesa_paybill                          Cr the parts of the debt,
                                                                  customer_credit:BORROWER for the rest
    matched          Dr suspense_unmatched                     Cr the same
    credit used      Dr customer_credit:BORROWER               Cr the parts of the debt
    waived           Dr charges_waived                         Cr the parts of the debt but principal
    written off      Dr write_off_loss                         Cr all parts of the debt
                     Dr loan_written_off:REF                   Cr written_off_contra   (memo)
    recovered        as paid back, for the part written off    Cr recovery_income
                     Dr written_off_contra                     Cr loan_written_off:REF (memo)
    claimed          Dr payout_claim:BORROWER                  Cr mpesa_utility
    claim settled    Dr loan_principal:REF                     Cr payout_claim:BORROWER

Excise is due on disbursement, so the fee is booked that day. The order in which a payment settles the
debt is the loan's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from services.ledger import accounts
from services.ledger.accounts import Account
from services.ledger.journals import Journal, Leg, credit, debit, positive
from services.ledger.suspense import receipt_key

DISBURSEMENT, FEE, REPAYMENT, CREDIT_USED = "disbursement", "fee", "repayment", "credit_used"
INTEREST, PENALTY, ROLLOVER, WAIVER = "interest", "penalty", "rollover", "waiver"
MATCHED, WRITE_OFF, WRITE_OFF_MEMO = "suspense_matched", "write_off", "write_off_memo"
CLAIM_SETTLED = "claim_settled"
UNDONE = "payment_undone"  # services/loans/undoing.py

WRITTEN_OFF, CREDIT = "written_off", "credit"  # what a payment settles, beside the parts of the debt

# Each charge: the part of the debt it raises, and what it earns.
CHARGES = {
    FEE: ("fee", accounts.FEE_INCOME),
    INTEREST: ("interest", accounts.INTEREST_INCOME),
    PENALTY: ("penalty", accounts.PENALTY_INCOME),
    ROLLOVER: ("fee", accounts.FEE_INCOME),
}


def paid_out(loan: Any, on: date) -> Journal:
    """The principal left the float and is owed."""
    return _disbursement(loan, accounts.loan_part("principal", loan["ref"], loan["id"]), on)


def claimed(loan: Any, on: date) -> Journal:
    """The principal left the float, and its borrower has another loan: they owe it back, as no loan yet."""
    return _disbursement(loan, accounts.payout_claim(loan["borrower_id"]), on)


def claim_settled(loan: Any, on: date) -> Journal:
    """What was claimed is owed as this loan."""
    cents = loan["principal_cents"]
    legs = [
        debit(accounts.loan_part("principal", loan["ref"], loan["id"]), cents),
        credit(accounts.payout_claim(loan["borrower_id"]), cents),
    ]
    return _of(loan, f"claim:{loan['ref']}", CLAIM_SETTLED, legs, on)


def fee_earned(loan: Any, on: date) -> Journal | None:
    """The fee and the excise on it are owed; None for a loan without a fee."""
    return charged(loan, FEE, f"fee:{loan['ref']}", loan["fee_cents"], loan["excise_cents"], on)


def charged(loan: Any, kind: str, key: str, cents: int, excise_cents: int, on: date) -> Journal | None:
    """A charge (one of CHARGES) and its excise are owed; None when both are nothing."""
    part, earned = CHARGES[kind]
    pairs = [
        (accounts.loan_part(part, loan["ref"], loan["id"]), earned, cents),
        (accounts.loan_part("excise", loan["ref"], loan["id"]), accounts.EXCISE_PAYABLE, excise_cents),
    ]
    legs = [leg for owed, gained, sum_ in pairs if sum_ for leg in (debit(owed, sum_), credit(gained, sum_))]
    return _of(loan, key, kind, legs, on) if legs else None


def allocate(amount_cents: int, owed: Mapping[str, int], order: Sequence[str]) -> dict[str, int]:
    """How much of a payment goes to each part of the debt; what is left over, under `credit`.

    Raises LedgerError for what is no amount.
    """
    left = positive(amount_cents)
    shares: dict[str, int] = {}
    for part in order:
        shares[part] = min(left, max(owed.get(part, 0), 0))
        left -= shares[part]
    return {part: cents for part, cents in {**shares, CREDIT: left}.items() if cents}


def paid_back(loan: Any, receipt: str, shares: Mapping[str, int], on: date) -> list[Journal]:
    """A payment arrived under that receipt and settles those shares."""
    legs = [debit(accounts.MPESA_PAYBILL, sum(shares.values())), *_settled(loan, shares)]
    return [
        _of(loan, receipt_key(receipt), REPAYMENT, legs, on),
        *_recovered(loan, f"recovery:{receipt}", shares, on),
    ]


def matched(loan: Any, receipt: str, shares: Mapping[str, int], on: date, again: int = 0) -> list[Journal]:
    """A payment that waited in suspense settles those shares. The first journal is the one that did it.
    again: how often it was taken off a loan before."""
    if again:
        receipt = f"{receipt}:{again}"
    legs = [debit(accounts.SUSPENSE_UNMATCHED, sum(shares.values())), *_settled(loan, shares)]
    return [
        _of(loan, f"match:{receipt}", MATCHED, legs, on),
        *_recovered(loan, f"recovery:{receipt}", shares, on),
    ]


def credit_used(loan: Any, shares: Mapping[str, int], on: date) -> Journal:
    """What the borrower had paid beyond earlier debts settles those shares of a new one."""
    legs = [
        debit(accounts.customer_credit(loan["borrower_id"]), sum(shares.values())),
        *_settled(loan, shares),
    ]
    return _of(loan, f"credit:{loan['ref']}", CREDIT_USED, legs, on)


def waived(loan: Any, key: str, shares: Mapping[str, int], on: date) -> Journal:
    """The borrower need not pay those shares."""
    legs = [debit(accounts.CHARGES_WAIVED, sum(shares.values())), *_settled(loan, shares)]
    return _of(loan, f"waiver:{key}", WAIVER, legs, on)


def written_off(loan: Any, owed: Mapping[str, int], on: date) -> list[Journal]:
    """All that is owed becomes a loss; beside the books it is still owed."""
    total = sum(owed.values())
    loss = [debit(accounts.WRITE_OFF_LOSS, total), *_settled(loan, owed)]
    memo = [
        debit(accounts.loan_written_off(loan["ref"], loan["id"]), total),
        credit(accounts.WRITTEN_OFF_CONTRA, total),
    ]
    return [
        _of(loan, f"write_off:{loan['ref']}", WRITE_OFF, loss, on),
        _of(loan, f"write_off_memo:{loan['ref']}", WRITE_OFF_MEMO, memo, on),
    ]


def _disbursement(loan: Any, account: Account, on: date) -> Journal:
    cents = loan["principal_cents"]
    legs = [debit(account, cents), credit(accounts.MPESA_UTILITY, cents)]
    return _of(loan, f"disbursement:{loan['ref']}", DISBURSEMENT, legs, on)


def _settled(loan: Any, shares: Mapping[str, int]) -> Iterable[Leg]:
    """One credit a share that is not nothing."""
    for part, cents in shares.items():
        if not cents:
            continue
        if part == CREDIT:
            yield credit(accounts.customer_credit(loan["borrower_id"]), cents)
        elif part == WRITTEN_OFF:
            yield credit(accounts.RECOVERY_INCOME, cents)
        else:
            yield credit(accounts.loan_part(part, loan["ref"], loan["id"]), cents)


def _recovered(loan: Any, key: str, shares: Mapping[str, int], on: date) -> Iterable[Journal]:
    cents = shares.get(WRITTEN_OFF, 0)
    if cents:
        legs = [
            debit(accounts.WRITTEN_OFF_CONTRA, cents),
            credit(accounts.loan_written_off(loan["ref"], loan["id"]), cents),
        ]
        yield _of(loan, key, WRITE_OFF_MEMO, legs, on)


def _of(loan: Any, key: str, kind: str, legs: Sequence[Leg], on: date) -> Journal:
    return Journal(key, kind, legs, loan["id"], loan["borrower_id"], on)
