"""The chart of accounts. A code is a name (`fee_income`), or a name and whose it is (`loan_fee:U7K2M9X`).

The accounts every lender has are opened by the migration; those of a loan or a borrower are opened when
first posted to. A debit raises an asset or an expense, a credit raises the others. A memo account stands
beside the books: it says what is still owed on a loan that was written off, which is worth nothing.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["asset", "liability", "income", "expense", "equity", "memo"]


@dataclass(slots=True, frozen=True)
class Account:
    """An account by its code, and what to open it as."""

    code: str
    kind: Kind
    loan_id: int | None = None
    borrower_id: int | None = None


# Our money at M-Pesa.
MPESA_WORKING = Account("mpesa_working", "asset")  # where an organisation's money comes in and goes out
MPESA_UTILITY = Account("mpesa_utility", "asset")  # the float that payouts leave from
MPESA_UTILITY_PENDING = Account("mpesa_utility_pending", "asset")  # of it, what is promised
MPESA_PAYBILL = Account("mpesa_paybill", "asset")  # where repayments arrive
MPESA_CHARGES_PAID = Account("mpesa_charges_paid", "asset")  # what M-Pesa took as charges: below zero

LOANS_IN_DISBURSEMENT = Account("loans_in_disbursement", "asset")

FEE_INCOME = Account("fee_income", "income")
INTEREST_INCOME = Account("interest_income", "income")
PENALTY_INCOME = Account("penalty_income", "income")
RECOVERY_INCOME = Account("recovery_income", "income")

MPESA_CHARGES = Account("mpesa_charges", "expense")
CHARGES_WAIVED = Account("charges_waived", "expense")
WRITE_OFF_LOSS = Account("write_off_loss", "expense")

EXCISE_PAYABLE = Account("excise_payable", "liability")
SUSPENSE_UNMATCHED = Account("suspense_unmatched", "liability")
REFUNDS_PAYABLE = Account("refunds_payable", "liability")
FUNDING = Account("funding", "equity")

WRITTEN_OFF_CONTRA = Account("written_off_contra", "memo")

SHARED = (
    MPESA_WORKING, MPESA_UTILITY, MPESA_UTILITY_PENDING, MPESA_PAYBILL, MPESA_CHARGES_PAID,
    LOANS_IN_DISBURSEMENT, FEE_INCOME, INTEREST_INCOME, PENALTY_INCOME, RECOVERY_INCOME, MPESA_CHARGES,
    CHARGES_WAIVED, WRITE_OFF_LOSS, EXCISE_PAYABLE, SUSPENSE_UNMATCHED, REFUNDS_PAYABLE, FUNDING,
    WRITTEN_OFF_CONTRA,
)  # fmt: skip

# What a borrower may owe on a loan, each in an account of its own.
PARTS = ("principal", "fee", "interest", "excise", "penalty")


def loan_part(part: str, ref: str, loan_id: int) -> Account:
    """What the borrower owes of one part of a loan: one of PARTS."""
    assert part in PARTS, part
    return Account(f"loan_{part}:{ref}", "asset", loan_id=loan_id)


def loan_written_off(ref: str, loan_id: int) -> Account:
    """What the borrower still owes on a loan that was written off."""
    return Account(f"loan_written_off:{ref}", "memo", loan_id=loan_id)


def customer_credit(borrower_id: int) -> Account:
    """What we owe the borrower: paid beyond the debt."""
    return Account(f"customer_credit:{borrower_id}", "liability", borrower_id=borrower_id)


def payout_claim(borrower_id: int) -> Account:
    """What the borrower got by a payout that had been given up, and that is no loan of theirs yet."""
    return Account(f"payout_claim:{borrower_id}", "asset", borrower_id=borrower_id)
