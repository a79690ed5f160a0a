"""The chart of accounts. A code is a name (`fee_income`), or a name and whose it is (`loan_fee:U7K2M9X`).

The accounts every lender has are opened by the migration; those of a loan or a borrower are opened when
first posted to. A debit raises an asset or an expense, a credit raises the others.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["asset", "liability", "income", "expense", "equity"]


@dataclass(slots=True, frozen=True)
class Account:
    """An account by its code, and what to open it as."""

    code: str
    kind: Kind
    loan_id: int | None = None
    borrower_id: int | None = None


MPESA_UTILITY = Account("mpesa_utility", "asset")  # the float that payouts leave from
MPESA_UTILITY_PENDING = Account("mpesa_utility_pending", "asset")  # of it, what is promised
MPESA_PAYBILL = Account("mpesa_paybill", "asset")  # where repayments arrive
LOANS_IN_DISBURSEMENT = Account("loans_in_disbursement", "asset")
FEE_INCOME = Account("fee_income", "income")
EXCISE_PAYABLE = Account("excise_payable", "liability")
MPESA_CHARGES = Account("mpesa_charges", "expense")
SUSPENSE_UNMATCHED = Account("suspense_unmatched", "liability")
WRITE_OFF_LOSS = Account("write_off_loss", "expense")
RECOVERY_INCOME = Account("recovery_income", "income")
FUNDING = Account("funding", "equity")

SHARED = (
    MPESA_UTILITY, MPESA_UTILITY_PENDING, MPESA_PAYBILL, LOANS_IN_DISBURSEMENT, FEE_INCOME, EXCISE_PAYABLE,
    MPESA_CHARGES, SUSPENSE_UNMATCHED, WRITE_OFF_LOSS, RECOVERY_INCOME, FUNDING,
)  # fmt: skip


def loan_principal(ref: str, loan_id: int) -> Account:
    """What the borrower owes of the money lent."""
    return Account(f"loan_principal:{ref}", "asset", loan_id=loan_id)


def loan_fee(ref: str, loan_id: int) -> Account:
    """What the borrower owes of the facilitation fee."""
    return Account(f"loan_fee:{ref}", "asset", loan_id=loan_id)


def loan_excise(ref: str, loan_id: int) -> Account:
    """What the borrower owes of the excise on the fee."""
    return Account(f"loan_excise:{ref}", "asset", loan_id=loan_id)


def customer_credit(borrower_id: int) -> Account:
    """What we owe the borrower: paid beyond the debt."""
    return Account(f"customer_credit:{borrower_id}", "liability", borrower_id=borrower_id)
