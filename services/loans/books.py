"""A loan in the ledger: which journals its life makes.

    paid out      Dr loan_principal:REF                      Cr mpesa_utility
    fee earned    Dr loan_fee:REF, loan_excise:REF           Cr fee_income, excise_payable
    paid back     Dr mpesa_paybill                           Cr loan_fee, loan_excise, loan_principal,
                                                                customer_credit:BORROWER for the rest
    credit used    Dr customer_credit:BORROWER               Cr loan_fee, loan_excise, loan_principal

Excise is due on disbursement, so the fee is booked that day. The order in which a payment settles the
debt is the product's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.ledger import accounts
from services.ledger.journals import Journal, Leg, credit, debit

DISBURSEMENT, FEE, REPAYMENT, CREDIT_USED = "disbursement", "fee", "repayment", "credit_used"
PARTS = {"fee": accounts.loan_fee, "excise": accounts.loan_excise, "principal": accounts.loan_principal}


def paid_out(loan: Any) -> Journal:
    """The principal left the float and is owed."""
    amount_cents = loan["principal_cents"]
    return Journal(
        f"disbursement:{loan['ref']}",
        DISBURSEMENT,
        [
            debit(accounts.loan_principal(loan["ref"], loan["id"]), amount_cents),
            credit(accounts.MPESA_UTILITY, amount_cents),
        ],
        loan["id"],
        loan["borrower_id"],
    )


def fee_earned(loan: Any) -> Journal | None:
    """The fee and the excise on it are owed; None for a loan without a fee."""
    pairs = [
        (accounts.loan_fee(loan["ref"], loan["id"]), accounts.FEE_INCOME, loan["fee_cents"]),
        (accounts.loan_excise(loan["ref"], loan["id"]), accounts.EXCISE_PAYABLE, loan["excise_cents"]),
    ]
    legs = [
        leg for owed, earned, cents in pairs if cents for leg in (debit(owed, cents), credit(earned, cents))
    ]
    return Journal(f"fee:{loan['ref']}", FEE, legs, loan["id"], loan["borrower_id"]) if legs else None


def allocate(amount_cents: int, owed: Mapping[str, int], order: Sequence[str]) -> dict[str, int]:
    """How much of a payment goes to each part of the debt; what is left over, under `credit`."""
    assert amount_cents > 0, amount_cents
    shares: dict[str, int] = {}
    for part in order:
        shares[part] = min(amount_cents, max(owed.get(part, 0), 0))
        amount_cents -= shares[part]
    return {part: cents for part, cents in {**shares, "credit": amount_cents}.items() if cents}


def paid_back(loan: Any, receipt: str, shares: Mapping[str, int]) -> Journal:
    """A payment arrived under that receipt and settles those shares."""
    legs: list[Leg] = [debit(accounts.MPESA_PAYBILL, sum(shares.values()))]
    for part, cents in shares.items():
        account = (
            accounts.customer_credit(loan["borrower_id"])
            if part == "credit"
            else PARTS[part](loan["ref"], loan["id"])
        )
        legs.append(credit(account, cents))
    return Journal(f"receipt:{receipt}", REPAYMENT, legs, loan["id"], loan["borrower_id"])


def credit_used(loan: Any, shares: Mapping[str, int]) -> Journal:
    """What the borrower had paid beyond earlier debts settles those shares of a new one."""
    legs: list[Leg] = [debit(accounts.customer_credit(loan["borrower_id"]), sum(shares.values()))]
    legs += [credit(PARTS[part](loan["ref"], loan["id"]), cents) for part, cents in shares.items()]
    return Journal(f"credit:{loan['ref']}", CREDIT_USED, legs, loan["id"], loan["borrower_id"])
