"""What is asked with and answered. Made by `python -m services.api.make_client`; not by hand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """What newer servers add is left aside."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=(), populate_by_name=True)


class ActiveBorrowers(Model):
    """Borrowers with whom money moved in the last days, and loans that are owed on."""

    as_of: datetime | None = None
    day: date
    within_30: int
    within_90: int
    owing: int


class Application(Model):
    """What came of an application. Also a refusal is kept, with its reasons."""

    outcome: Literal["ok", "review", "has_loan", "not_eligible"]
    reasons: list[str]
    loan_id: int | None
    ref: str | None
    price: Price | None


class Approval(Model):
    """Something that one person proposed, for another to decide."""

    id: int
    kind: str
    subject: str
    status: Literal["proposed", "approved", "rejected"]
    amount_cents: int
    reason: str
    details: dict[str, Any]
    loan_id: int | None
    loan_ref: str | None
    user_id: int | None
    name: str | None
    msisdn: str | None
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str


class Approvals(Model):
    """A page of decisions."""

    items: list[Approval]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class Audit(Model):
    """A page of the audit."""

    items: list[AuditRow]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class AuditRow(Model):
    """One thing that was changed, or looked at."""

    id: int
    at: datetime
    who: str
    kind: str
    operation: str
    subject: str
    before: dict[str, Any]
    after: dict[str, Any]
    address: str
    request_id: str


class Because(Model):
    """Why."""

    reason: str


class BorrowerState(Model):
    """A borrower, as far as staff change them."""

    id: int
    language: str
    blacklisted_at: datetime | None
    blacklisted_by: str | None
    blacklist_reason: str | None


class Bulk(Model):
    """A message to many, and how far it is."""

    id: int | None
    state: Literal["dry_run", "proposed", "rejected", "sending", "sent", "stopped"]
    kind: Literal["service", "marketing"]
    recipients: int
    parts: dict[str, int]
    cost_cents: int
    needs_second_person: bool
    approval_id: int | None


class BulkProgress(Model):
    """How far a message to many has come."""

    id: int
    state: Literal["proposed", "rejected", "sending", "sent", "stopped"]
    kind: Literal["service", "marketing"]
    notice: str
    words: dict[str, str]
    recipients: int
    cost_cents: int
    spent_cents: int
    messages: dict[str, int]
    asked_by: str
    approval_id: int | None
    created_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None


class Bulks(Model):
    """A page of messages to many."""

    items: list[BulkProgress]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class BusinessDay(Model):
    """A day and the portfolio at its end, over all products."""

    day: date
    closed_at: datetime
    counts: dict[str, int]
    loans: int
    principal_cents: int
    charges_cents: int
    par1_cents: int
    par30_cents: int
    par60_cents: int
    par90_cents: int
    disbursed_cents: int
    repaid_cents: int
    written_off_cents: int
    recovered_cents: int


class BusinessDays(Model):
    """A page of days."""

    items: list[BusinessDay]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class Candidate(Model):
    """A payout of ours that a withdrawal only M-Pesa knows may be."""

    payout_id: int
    loan_ref: str | None
    state: str
    created_at: datetime


class Charged(Model):
    """A charge, with its excise."""

    kind: str
    on: date
    cents: int


class CollectedDay(Model):
    """Payments that counted for a day, by what they settled."""

    day: date
    principal_cents: int
    charges_cents: int
    recovered_cents: int


class Collections(Model):
    """Collections, by due date and by the day they came."""

    as_of: datetime | None = None
    due: list[DueDay]
    collected: list[CollectedDay]
    today: Promise


class Consent(Model):
    """What somebody agreed to."""

    purpose: str
    version: str
    language: str
    channel: str
    given_at: datetime


class Conversion(Model):
    """From a dial to a completed application, and on to money."""

    as_of: datetime | None = None
    days: list[ConversionDay]
    total: ConversionDay


class ConversionDay(Model):
    """One day, or all of them together (day is None)."""

    day: date | None
    dials: int
    applied: int
    refused: int
    approved: int
    paid_out: int
    applied_per_dial: float | None
    paid_out_per_dial: float | None


class CostDay(Model):
    """One day, or all together (day is None)."""

    day: date | None
    loans: int
    messages: int
    sms_cents: int
    sessions: int
    ussd_cents: int
    mpesa_cents: int
    total_cents: int
    per_loan_cents: int | None


class Costs(Model):
    """What lending costs us, day by day and together."""

    as_of: datetime | None = None
    days: list[CostDay]
    total: CostDay


class Decision(Model):
    """A decision, with a note for those who look at it later."""

    note: str = ""


class DefaultRates(Model):
    """By vintage, and all together."""

    as_of: datetime | None = None
    vintages: list[DefaultVintage]
    rate: float | None
    rate_by_principal: float | None


class DefaultVintage(Model):
    """Of the loans of one month, those that stopped performing."""

    vintage: date
    loans: int
    lent_cents: int
    defaulted: int
    defaulted_cents: int
    written_off_cents: int
    recovered_cents: int
    rate: float | None
    rate_by_principal: float | None


class Dialogs(Model):
    """What somebody is in: mostly nothing, or one."""

    items: list[Session]


class Difference(Model):
    """Something that our books and M-Pesa's do not say alike. Cents in are above zero, out below."""

    id: int
    account: Literal["utility", "working", "charges"]
    subject: str
    kind: str
    outcome: str
    ours_cents: int | None
    theirs_cents: int | None
    ours_on: date | None
    theirs_at: datetime | None
    linked: str
    opened_at: datetime
    ways: list[Literal["payout", "payment", "returned", "move", "funding", "loss"]]
    candidates: list[Candidate]


class Differences(Model):
    """Those that are open, the oldest first. next_after: where the next page begins; null on the last."""

    items: list[Difference]
    next_after: int | None


class DisbursementTimes(Model):
    """By day and product."""

    as_of: datetime | None = None
    days: list[WaitDay]


class DueDay(Model):
    """Loans that first fell due on a day: what was owed on them, and paid by then and later."""

    due_on: date
    owed_cents: int
    paid_in_time_cents: int
    paid_7_cents: int
    paid_30_cents: int
    paid_cents: int
    in_time: float | None
    within_7: float | None
    within_30: float | None


class ErrorCounts(Model):
    """What was answered, and what of it was an apology or a refusal."""

    began: datetime
    turns: int
    busy: int
    faults: dict[str, int]
    rejected: dict[str, int]
    failed_actions: dict[str, int]
    fault_rate: float | None


class Explanation(Model):
    """A score explained."""

    scorecard: str
    version: str
    base_points: int
    score: int
    shown: int
    decision: Literal["approve", "decline"]
    verdict: Literal["ok", "has_loan", "not_eligible"] | None
    reasons: list[str]
    limit_cents: int
    limits: Limits
    points: list[Points]


class Float(Model):
    """What is known of the float, and whether payouts wait."""

    paused: bool
    paused_at: datetime | None
    reason: str
    held_by: str | None
    utility_cents: int | None
    told_at: datetime | None


class Funnel(Model):
    """The states of each version, and the ends of its sessions."""

    as_of: datetime | None = None
    states: list[FunnelState]
    ends: list[SessionEnd]


class FunnelState(Model):
    """One state of a menu version. network and language are empty when they are not told apart."""

    service: str
    bundle: str
    network: str
    language: str
    state: str
    shown: int
    moved_on: int
    refused: int
    begun: int
    ended: int
    dropped: int
    drop_off: float | None
    answers: int
    dwell_ms: int | None
    within_2s: int
    within_5s: int
    within_10s: int
    within_20s: int
    within_60s: int
    longer: int


class Happened(Model):
    """One thing that happened."""

    source: Literal[
        "person", "consent", "decision", "loan", "approval", "money", "prompt", "payout", "message"
    ]
    what: str
    at: datetime
    loan_ref: str | None
    cents: int | None
    more: dict[str, Any]


class Hours(Model):
    """From one time of day until another, in Nairobi; over midnight when `from` is the later."""

    from_: str = Field(alias="from")
    until: str


class KeptNumbers(Model):
    """How many were kept; they are not shown again whole."""

    numbers: list[str]


class Key(Model):
    """An API key, without its secret."""

    id: int
    prefix: str
    label: str
    scopes: list[Permission]
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


class KeyWithSecret(Model):
    """A new key, and the whole of it, which is shown this once."""

    details: Key
    key: str


class Keys(Model):
    """A page of keys."""

    items: list[Key]
    next_after: int | None


class LadderStep(Model):
    """A step of the product's ladder."""

    repaid_in_time: int
    most_cents: int
    reached: bool


class LimitDay(Model):
    """What could be borrowed, and how much of it was."""

    day: date
    borrowers: int
    limit_cents: int
    drawn_cents: int
    utilisation: float | None


class LimitUse(Model):
    """Limits and their use, day by day; the last one is today's."""

    as_of: datetime | None = None
    days: list[LimitDay]


class Limits(Model):
    """What the limit comes from: it is the smallest of them, in whole shillings."""

    band_cents: int
    earned_cents: int
    most_cents: int
    ladder: list[LadderStep]


class Loan(Model):
    """A loan, in a list."""

    id: int
    ref: str
    user_id: int
    name: str | None
    msisdn: str
    product: str
    purpose: str
    status: Literal[
        "applied",
        "approved",
        "rejected",
        "disbursing",
        "cancelled",
        "active",
        "failed",
        "repaid",
        "overdue",
        "non_performing",
        "written_off",
        "recovered",
    ]
    principal_cents: int
    total_cents: int
    owed_cents: int
    applied_at: datetime
    disbursed_at: datetime | None
    due_on: date | None
    closed_at: datetime | None
    days_late: int | None


class LoanEvent(Model):
    """A move it made."""

    move: str
    from_status: str
    to_status: str
    by: str
    at: datetime


class LoanModelsDecided(Model):
    """What was decided, by whom, and what it made of the loan it is about."""

    approval_id: int
    kind: str
    subject: str
    amount_cents: int
    state: Literal["approved", "rejected"]
    proposed_by: str
    decided_by: str
    loan: LoanState | None


class LoanPage(Model):
    """A loan with all that is known of it."""

    id: int
    ref: str
    user_id: int
    name: str | None
    msisdn: str
    product: str
    purpose: str
    status: Literal[
        "applied",
        "approved",
        "rejected",
        "disbursing",
        "cancelled",
        "active",
        "failed",
        "repaid",
        "overdue",
        "non_performing",
        "written_off",
        "recovered",
    ]
    principal_cents: int
    total_cents: int
    owed_cents: int
    applied_at: datetime
    disbursed_at: datetime | None
    due_on: date | None
    closed_at: datetime | None
    days_late: int | None
    fee_cents: int
    interest_cents: int
    excise_cents: int
    apr_bp: int
    term_days: int
    rollovers: int
    owed: dict[str, int]
    hold_status: str | None
    payout_status: str | None
    receipt: str | None
    duplum_on: date | None
    duplum_room_cents: int | None
    terms: dict[str, Any]
    bundle: str
    events: list[LoanEvent]


class LoanQuote(Model):
    """Whether they may borrow, and at which price."""

    verdict: Literal["ok", "has_loan", "not_eligible", "too_much", "too_little"]
    reasons: list[str]
    least_cents: int
    limit_cents: int
    price: Price | None


class LoanState(Model):
    """A loan, in short."""

    id: int
    ref: str
    borrower_id: int
    state: str
    principal_cents: int
    total_cents: int
    due_on: date | None


class LoanStatement(Model):
    """Every movement of a loan, the oldest first."""

    loan_id: int
    ref: str
    movements: list[Movement]
    owed_cents: int


class Loans(Model):
    """A page of loans."""

    items: list[Loan]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class LoggedIn(Model):
    """What proves from now on who somebody is: two tokens, or for a cookie its CSRF token."""

    access_token: str | None = None
    access_expires_at: datetime
    refresh_token: str | None = None
    refresh_expires_at: datetime | None = None
    csrf_token: str | None = None
    new_password_needed: bool


class Login(Model):
    """An e-mail address and a password. cookie: for a page in a browser, instead of tokens."""

    email: str
    password: str
    cookie: bool = False


class Me(Model):
    """Who asks, and what they may."""

    id: int
    email: str
    role: Role
    permissions: list[Permission]
    csrf_token: str


class MenuChecked(Model):
    """What `ussd check` says of the content. ok: it may be published."""

    ok: bool
    version: str
    service: str | None
    findings: list[MenuFinding]


class MenuDecided(Model):
    """The decision, and how far its publication has come."""

    decision: LoanModelsDecided
    state: Literal["waiting", "published", "superseded", "failed", "rejected"]
    problem: str


class MenuFile(Model):
    """One file of a version."""

    path: str
    text: str


class MenuFiles(Model):
    """A version in full, as it was written."""

    version: str
    live: bool
    files: list[MenuFile]


class MenuFinding(Model):
    """One fault. line and column count from 1."""

    file: str
    line: int
    column: int
    severity: Literal["error", "warning"]
    message: str
    hint: str
    code: str


class MenuProposal(Model):
    """Content to publish, and what it changes."""

    sources: dict[str, Any]
    note: str


class MenuProposed(Model):
    """It waits for somebody else's decision. live: what is live now, and must be when it is decided."""

    approval_id: int
    service: str
    version: str
    live: str | None


class MenuRollback(Model):
    """An older version to go back to, and why."""

    service: str = "umoja"
    version: str
    note: str


class MenuSources(Model):
    """The files of a menu folder: path in the folder → text. service.yaml is one of them."""

    sources: dict[str, Any]


class MenuVersion(Model):
    """A publication. A version that was live twice is here twice."""

    version: str
    published_at: str
    published_by: str
    note: str
    live: bool
    sessions: int


class MenuWaiting(Model):
    """A proposal that waits for a decision."""

    approval_id: int
    kind: Literal["menu_publish", "menu_rollback"]
    version: str
    reason: str
    proposed_by: str
    proposed_at: datetime


class Menus(Model):
    """The versions of a service, the newest first, and what is proposed."""

    service: str
    live: str | None
    versions: list[MenuVersion]
    waiting: list[MenuWaiting]


class Message(Model):
    """An SMS."""

    id: int
    user_id: int
    name: str | None
    msisdn: str
    loan_ref: str | None
    kind: str
    notice: str
    status: Literal["queued", "sending", "accepted", "refused", "unknown", "delivered", "failed"]
    language: str | None
    words: str | None
    reason: str
    cost_cents: int
    created_at: datetime
    settled_at: datetime | None


class Messages(Model):
    """A page of messages."""

    items: list[Message]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class Movement(Model):
    """A movement of a loan."""

    id: int
    key: str
    kind: str
    on: date
    at: datetime
    parts: dict[str, int]
    cents: int
    balance_cents: int


class NewBulk(Model):
    """A message to many. `words` in each language, or the name of a reminder in `notice`."""

    kind: Literal["service", "marketing"]
    to: Recipients
    words: dict[str, Any] | None = None
    notice: str | None = None
    reason: str
    dry_run: bool = False


class NewKey(Model):
    """A key for a machine: what it is for, what it may, and for how many days."""

    label: str
    scopes: list[Permission]
    days: int = 90


class NewLanguage(Model):
    """The language of their menus and messages."""

    language: Literal["en", "sw"]


class NewLoan(Model):
    """An application for somebody who is on the phone: by number or by id, one of them."""

    borrower_id: int | None = None
    msisdn: str | None = None
    amount_cents: int
    purpose: str
    total_cents: int


class NewPassword(Model):
    """One's password, and the one to have from now on."""

    current: str
    new: str


class NewPerson(Model):
    """Somebody who joins the staff."""

    email: str
    role: Role


class NewValue(Model):
    """What it is to be, and why. null, where it may be: as the environment or sms.yaml says, or no bound."""

    value: bool | int | Hours | None
    reason: str


class OwnNumbers(Model):
    """The phone numbers by which somebody of the staff borrows, or could."""

    msisdns: list[str]


class Pause(Model):
    """Why all payouts are to wait."""

    reason: str


class Payment(Model):
    """Money that settled something, or went back."""

    id: int
    key: str
    kind: str
    amount_cents: int
    loan_ref: str | None
    on: date
    at: datetime


class Payout(Model):
    """Money on its way, or that arrived, or did not."""

    id: int
    originator_id: str
    status: Literal["ready", "submitting", "submitted", "unknown", "posted", "voided", "failed"]
    amount_cents: int
    user_id: int
    name: str | None
    msisdn: str
    loan_id: int | None
    loan_ref: str | None
    refund_id: int | None
    receipt: str | None
    result_code: str | None
    attempts: int
    waits_since: datetime | None
    created_at: datetime
    changed_at: datetime


class Payouts(Model):
    """A page of payouts."""

    items: list[Payout]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class People(Model):
    """A page of people. next_after: where the next page begins; null when this is the last."""

    items: list[StaffPerson]
    next_after: int | None


Permission = Literal[
    "borrowers:read",
    "borrowers:reveal",
    "loans:read",
    "loans:apply",
    "loans:propose",
    "loans:decide",
    "money:read",
    "messages:read",
    "messages:send",
    "sessions:read",
    "menus:read",
    "menus:propose",
    "menus:decide",
    "analytics:read",
    "reports:read",
    "audit:read",
    "settings:change",
    "staff:manage",
    "own",
]
"""What an operation asks for. The value is its name in API keys and in the documentation."""


class PersonChange(Model):
    """What to change about somebody; what is left out stays."""

    role: Role | None = None
    active: bool | None = None
    reset_password: bool = False


class PersonDecided(Model):
    """What the scorecard said to an application, and why."""

    outcome: str
    score: int
    limit_cents: int
    reasons: list[str]
    points: dict[str, Any]
    scorecard: str
    loan_ref: str | None
    at: datetime


class PersonPerson(Model):
    """Somebody, with the latest of everything. Parts that the caller may not see are null."""

    id: int
    name: str | None
    msisdn: str
    language: str
    status: Literal["registered", "joining", "blacklisted"]
    score: int
    limit_cents: int
    credit_cents: int
    owed_cents: int
    pin_locked_until: datetime | None
    opted_out: bool
    joined_at: datetime
    registered_at: datetime | None
    blacklisted_at: datetime | None
    consents: list[Consent]
    loans: list[Loan] | None
    decisions: list[PersonDecided] | None
    payments: list[Payment] | None
    messages: list[Told] | None


class PersonWithPassword(Model):
    """Somebody, and the password to give them, which is shown this once; they choose their own with it."""

    person: StaffPerson
    password: str | None = None


class Points(Model):
    """What one feature brought. value: null when it is not known."""

    feature: str
    value: float | None
    points: int


class Portfolio(Model):
    """The portfolio now, by product, and on the days before."""

    as_of: datetime | None = None
    now: list[PortfolioDay]
    days: list[PortfolioDay]


class PortfolioDay(Model):
    """What was owed at the end of a day, or is owed now. par30 is the principal of loans more than 30 days late, par1 of all that are late; the shares are of principal."""

    day: date
    product: str
    loans: int
    principal_cents: int
    charges_cents: int
    par1_cents: int
    par30_cents: int
    par60_cents: int
    par90_cents: int
    par1: float | None
    par30: float | None
    par60: float | None
    par90: float | None


class Posting(Model):
    """One leg. The legs of a transaction sum to zero."""

    account: str
    cents: int


class Price(Model):
    """What a loan costs, to be read out before anybody agrees to it."""

    principal_cents: int
    fee_cents: int
    excise_cents: int
    total_cents: int
    apr_bp: int
    term_days: int
    due: date


class Promise(Model):
    """What is to come in today by what was agreed, and has."""

    day: date
    promised_cents: int
    kept_cents: int
    kept: float | None


class Prompt(Model):
    """A payment that somebody on the phone wants to make."""

    borrower_id: int
    amount_cents: int


class Prompted(Model):
    """M-Pesa asks the borrower's own phone for the PIN of M-Pesa."""

    ref: str
    amount_cents: int
    paybill: str


class Proposal(Model):
    """It waits for the decision of somebody else: POST /admin/approvals/{approval_id}/approve or /reject."""

    approval_id: int
    kind: str
    subject: str
    amount_cents: int
    proposed_by: str


class Proposed(Model):
    """Why something is proposed."""

    reason: str


class ProposedBooking(Model):
    """How to book a difference. payout_id: which payout it was, when it is booked as `payout`."""

    reason: str
    how: Literal["payout", "payment", "returned", "move", "funding", "loss"]
    payout_id: int | None = None


class ProposedMatch(Model):
    """A payment in suspense is for this loan."""

    reason: str
    loan_id: int | str


class ProposedReceipt(Model):
    """The portal shows the payment, under this receipt."""

    reason: str
    receipt: str


class ProposedRefund(Model):
    """Credit to send back to its borrower, in whole shillings."""

    reason: str
    amount_cents: int


class ProposedRollover(Model):
    """More time, at the fee that the borrower was told."""

    reason: str
    fee_cents: int


class ProposedWaiver(Model):
    """Charges to let off: penalty, interest, fee, then excise. Never principal."""

    reason: str
    amount_cents: int


class Recipients(Model):
    """Who gets it: those whom all of this fits. What is left out fits everybody."""

    language: str | None = None
    states: (
        list[
            Literal[
                "none",
                "applied",
                "approved",
                "disbursing",
                "active",
                "overdue",
                "non_performing",
                "written_off",
            ]
        ]
        | None
    ) = None
    product: str | None = None
    days_past_due_from: int | None = None
    days_past_due_to: int | None = None
    borrower_ids: list[int] | None = None


class ReconciliationItem(Model):
    """Something that moved, by our books and by M-Pesa's."""

    subject: str
    kind: str
    outcome: Literal["matched", "ours_only", "theirs_only", "amount_differs", "date_differs", "reversed"]
    ours_cents: int | None
    theirs_cents: int | None
    ours_on: date | None
    ours_at: datetime | None
    theirs_at: datetime | None


class ReconciliationRun(Model):
    """What comparing our books with M-Pesa's found; counts and sums are by outcome."""

    id: int
    source: str
    account: str
    shortcode: str
    state: str
    period_from: datetime | None
    period_to: datetime | None
    lines: int
    copies: int
    counts: dict[str, int]
    ours: dict[str, int]
    theirs: dict[str, int]
    booked: int
    charges_cents: int
    missing_cents: int | None
    opening_cents: int | None
    closing_cents: int | None
    books_opening_cents: int | None
    books_closing_cents: int | None
    open: int
    items: list[ReconciliationItem]
    more: bool


class Refresh(Model):
    """A refresh token. It is used up by this."""

    refresh_token: str


class ReportAbout(Model):
    """A report that can be made, and what it is asked."""

    name: str
    title: str
    about: str
    asks: Literal["as_of", "period"]
    as_of: bool
    by: list[str]
    formats: list[Literal["csv", "xlsx", "pdf"]]
    private: bool
    columns: list[ReportColumn]


class ReportCatalog(Model):
    """Every report there is."""

    items: list[ReportAbout]


class ReportColumn(Model):
    """A column. `cents` are whole cents, a `share` is hundredths of a percent, a day is Nairobi's."""

    name: str
    title: str
    kind: Literal["text", "date", "time", "cents", "count", "share"]
    total: bool


class ReportFact(Model):
    """A figure beside the rows."""

    name: str
    title: str
    kind: Literal["text", "date", "time", "cents", "count", "share"]
    value: str | int | None


class ReportMade(Model):
    """A report: its rows, their totals, and the figures beside them."""

    name: str
    title: str
    period: str
    made_at: datetime
    columns: list[ReportColumn]
    rows: list[dict[str, str | int | None]]
    totals: dict[str, int]
    facts: list[ReportFact]


class ReportRun(Model):
    """A report that was made."""

    id: int
    name: str
    parameters: dict[str, str]
    period_to: date
    scheduled: bool
    format: Literal["csv", "xlsx", "pdf"]
    made_by: str
    made_at: datetime
    rows: int
    data_sha256: str
    file_sha256: str
    has_file: bool


class ReportRuns(Model):
    """A page of them, the latest first. next_after: where the next page begins; null on the last one."""

    items: list[ReportRun]
    next_after: int | None


class Resolved(Model):
    """It is closed, and nothing was booked."""

    id: int
    reason: str


class ResponseTime(Model):
    """Turns of a gateway, or calls of an action. A percentile is the end of the bucket it falls in: at most so long. None: longer than any bucket, or nothing to say it of."""

    began: datetime
    what: Literal["turn", "action"]
    name: str
    count: int
    mean_ms: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Revealed(Model):
    """What is masked everywhere else."""

    id: int
    name: str | None
    msisdn: str
    national_id: str | None


Role = Literal["viewer", "officer", "approver", "product", "admin"]
"""What somebody of the staff is."""


class Schedule(Model):
    """What is to be paid, and when: one payment at the end of the term, or earlier."""

    loan_id: int
    ref: str
    due_on: date | None
    term_days: int
    parts: list[ScheduledPart]
    charges: list[Charged]
    total_cents: int
    settled_cents: int
    left_cents: int


class ScheduledPart(Model):
    """A part of what is to be paid."""

    part: str
    cents: int
    settled_cents: int
    left_cents: int


class Sending(Model):
    """A loan whose money is asked for now."""

    loan: LoanState
    waits: str


class ServiceLevel(Model):
    """Response times and errors, by hour or day."""

    as_of: datetime | None = None
    times: list[ResponseTime]
    errors: list[ErrorCounts]


class Session(Model):
    """A dialog that goes on."""

    msisdn: str
    code: str
    gateway: str
    bundle: str
    state: str
    language: str
    turns: int
    started_at: datetime
    seen_at: datetime
    age_s: int
    idle_s: int


class SessionEnd(Model):
    """Sessions that a gateway told the end of, by the state they stood in. bundle, language and state are empty where the session was no longer known."""

    bundle: str
    network: str
    language: str
    state: str
    status: str
    currency: str
    sessions: int
    cost_cents: int
    duration_ms: int
    hops: int


class Sessions(Model):
    """Some of the dialogs."""

    items: list[Session]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class SettingChanged(Model):
    """The setting as it is now. approval_id: the change waits for somebody else's decision."""

    setting: StaffSetting
    approval_id: int | None


class StaffPerson(Model):
    """Somebody of the staff."""

    id: int
    email: str
    role: Role
    active: bool
    new_password_needed: bool
    created_by: str
    created_at: datetime
    last_login_at: datetime | None


class StaffSetting(Model):
    """A setting: what it is, what counts now, and its bounds."""

    name: Literal[
        "applications_paused",
        "daily_disbursement_cents",
        "low_float_cents",
        "bulk_sms_alone",
        "bulk_sms_most",
        "quiet_hours",
    ]
    kind: Literal["flag", "cents", "count", "hours"]
    says: str
    value: bool | int | Hours | None
    least: int | None
    most: int | None
    two_people: bool
    changed_by: str | None
    changed_at: datetime | None


class StaffSettings(Model):
    """All of them."""

    items: list[StaffSetting]


class Suspense(Model):
    """A page of it."""

    items: list[SuspenseItem]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class SuspenseItem(Model):
    """One payment."""

    id: int
    receipt: str
    amount_cents: int
    account_ref: str
    status: Literal["open", "matched", "returned"]
    received_at: datetime
    settled_at: datetime | None


class Timeline(Model):
    """Some of what happened, the latest first."""

    items: list[Happened]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class Told(Model):
    """A message to them."""

    id: int
    notice: str
    status: str
    words: str | None
    reason: str
    loan_ref: str | None
    created_at: datetime


class Transaction(Model):
    """A journal: money that moved, or was owed or settled."""

    id: int
    key: str
    kind: str
    on: date
    at: datetime
    amount_cents: int
    user_id: int | None
    loan_id: int | None
    loan_ref: str | None
    postings: list[Posting]


class Transactions(Model):
    """A page of transactions."""

    items: list[Transaction]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class User(Model):
    """Somebody, in a list."""

    id: int
    name: str | None
    msisdn: str
    language: str
    status: Literal["registered", "joining", "blacklisted"]
    score: int
    limit_cents: int
    joined_at: datetime
    loan_ref: str | None
    loan_status: str | None
    days_late: int | None


class Users(Model):
    """A page of people."""

    items: list[User]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None


class VintageMonth(Model):
    """A vintage so many months on book: the present month as of now, those before at their end."""

    vintage: date
    on_book: int
    lent_cents: int
    repaid_cents: int
    written_off_cents: int
    principal_cents: int
    par30_cents: int
    par90_cents: int
    repaid: float | None
    par30: float | None
    par90: float | None
    written_off: float | None


class Vintages(Model):
    """The curves, month by month."""

    as_of: datetime | None = None
    months: list[VintageMonth]


class WaitDay(Model):
    """Seconds from the application to the money, of the loans whose money came that day."""

    day: date
    product: str
    loans: int
    p50_s: float
    p90_s: float
    p99_s: float


class Wallet(Model):
    """What somebody has with us."""

    user_id: int
    name: str | None
    msisdn: str
    credit_cents: int
    owed_cents: int
    limit_cents: int
    joined_at: datetime


class Wallets(Model):
    """A page of wallets."""

    items: list[Wallet]
    next: str | None = None
    total: int | None = None
    total_is_exact: bool | None = None
