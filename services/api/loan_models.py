"""What is sent and answered about loans that staff change. Money is cents, days are Nairobi's."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_CENTS = 100_000_000_00

Cents = Annotated[int, Field(gt=0, le=MOST_CENTS, examples=[500_000])]
Reason = Annotated[
    str,
    Field(
        min_length=3,
        max_length=500,
        pattern=r"\S",
        description="Why, for the colleague who decides and for the audit.",
        examples=["She called from her own number"],
    ),
]
Note = Annotated[
    str, Field(max_length=500, description="Kept with the decision.", examples=["Seen in the portal"])
]
LoanRef = Annotated[str, Field(pattern=r"^[Uu][0-9A-Za-z]{6}$", examples=["U4K7QXN"])]
Number = Annotated[int, Field(ge=1, examples=[12])]
Msisdn = Annotated[
    str,
    Field(
        max_length=20, pattern=r"^\+?[0-9 ()-]{9,19}$", examples=["254712345678"], description="As dialled."
    ),
]


class Asked(BaseModel):
    """What is sent. A name that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class QuoteAsked(Asked):
    """A loan that somebody on the phone asks about."""

    borrower_id: Number
    amount_cents: Cents
    purpose: Annotated[
        str, Field(max_length=40, examples=["business"], description="A word of products.yaml.")
    ]


class Price(BaseModel):
    """What a loan costs, to be read out before anybody agrees to it."""

    principal_cents: int
    fee_cents: Annotated[int, Field(description="Fee and interest, for the whole term.")]
    excise_cents: int
    total_cents: Annotated[int, Field(description="What is paid back. Say it back in POST /loans.")]
    apr_bp: Annotated[int, Field(description="The yearly rate in hundredths of a percent, excise included.")]
    term_days: int
    due: Annotated[date, Field(description="If the money arrives today.")]


class LoanQuote(BaseModel):
    """Whether they may borrow, and at which price."""

    verdict: Annotated[
        Literal["ok", "has_loan", "not_eligible", "too_much", "too_little"],
        Field(description="Only `ok` has a price."),
    ]
    reasons: Annotated[list[str], Field(description="Codes of why not.", examples=[["OPEN_LOAN"]])]
    least_cents: int
    limit_cents: int
    price: Price | None


class NewLoan(Asked):
    """An application for somebody who is on the phone: by number or by id, one of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "msisdn": "254712345678",
                "amount_cents": 500_000,
                "purpose": "business",
                "total_cents": 590_000,
            }
        }
    )

    borrower_id: Number | None = None
    msisdn: Msisdn | None = None
    amount_cents: Cents
    purpose: Annotated[str, Field(max_length=40, examples=["business"])]
    total_cents: Annotated[
        int,
        Field(
            gt=0,
            le=10 * MOST_CENTS,
            examples=[590_000],
            description="The total of the quote that was read to the borrower, who agreed to it.",
        ),
    ]

    @model_validator(mode="after")
    def names_one(self) -> "NewLoan":
        """One of the two names the borrower."""
        if (self.borrower_id is None) == (self.msisdn is None):
            raise ValueError("name the borrower by borrower_id or by msisdn")
        return self


class Application(BaseModel):
    """What came of an application. Also a refusal is kept, with its reasons."""

    outcome: Annotated[
        Literal["ok", "review", "has_loan", "not_eligible"],
        Field(description="ok: the money is on its way. review: a second person has to agree."),
    ]
    reasons: list[str]
    loan_id: int | None
    ref: Annotated[str | None, Field(examples=["U4K7QXN"])]
    price: Price | None


class Prompt(Asked):
    """A payment that somebody on the phone wants to make."""

    borrower_id: Number
    amount_cents: Cents


class Prompted(BaseModel):
    """M-Pesa asks the borrower's own phone for the PIN of M-Pesa."""

    ref: str
    amount_cents: Annotated[int, Field(description="Never more than is owed.")]
    paybill: str


class Decision(Asked):
    """A decision, with a note for those who look at it later."""

    note: Note = ""


class LoanState(BaseModel):
    """A loan, in short."""

    id: int
    ref: str
    borrower_id: int
    state: str
    principal_cents: int
    total_cents: int
    due_on: date | None


class Decided(BaseModel):
    """What was decided, by whom, and what it made of the loan it is about."""

    approval_id: int
    kind: str
    subject: str
    amount_cents: int
    state: Literal["approved", "rejected"]
    proposed_by: str
    decided_by: str
    loan: LoanState | None


class Proposal(BaseModel):
    """It waits for the decision of somebody else: POST /admin/approvals/{approval_id}/approve or /reject."""

    approval_id: int
    kind: str
    subject: str
    amount_cents: int
    proposed_by: str


class Sending(BaseModel):
    """A loan whose money is asked for now."""

    loan: LoanState
    waits: Annotated[str, Field(description="Why it still waits; empty when it does not.")]


class Proposed(Asked):
    """Why something is proposed."""

    reason: Reason


class ProposedWaiver(Proposed):
    """Charges to let off: penalty, interest, fee, then excise. Never principal."""

    amount_cents: Cents


class ProposedRollover(Proposed):
    """More time, at the fee that the borrower was told."""

    fee_cents: Annotated[int, Field(ge=0, le=MOST_CENTS, examples=[50_000])]


class ProposedRefund(Proposed):
    """Credit to send back to its borrower, in whole shillings."""

    amount_cents: Annotated[int, Field(gt=0, le=MOST_CENTS, multiple_of=100, examples=[50_000])]


class ProposedMatch(Proposed):
    """A payment in suspense is for this loan."""

    loan_id: Annotated[Number | LoanRef, Field(description="Its id, or its reference.", examples=["U4K7QXN"])]


class ProposedReceipt(Proposed):
    """The portal shows the payment, under this receipt."""

    receipt: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{6,20}$", examples=["SKL5V7NAQ1"])]
