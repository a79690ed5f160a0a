"""Rows on their way into PostgreSQL, as lines of COPY's text format, a list a table.

Nothing made up holds a tab, a line break or a backslash, so nothing needs escaping. `NULL` is no value.
"""

from dataclasses import dataclass, field, fields

NULL = r"\N"

# In the order in which they are loaded. What is not named takes its default.
COLUMNS: dict[str, tuple[str, ...]] = {
    "borrower": ("id", "msisdn", "language", "name", "national_id", "pin_hash", "score", "limit_cents",
                 "blacklisted_at", "created_at", "registered_at"),
    "consent": ("borrower_id", "purpose", "version", "bundle", "language", "channel", "session_key",
                "given_at"),
    "loan": ("id", "ref", "borrower_id", "product", "purpose", "state", "principal_cents", "fee_cents",
             "excise_cents", "total_cents", "apr_bp", "term_days", "bundle", "terms", "action_key",
             "applied_at", "disbursed_at", "due_on", "closed_at", "rollovers", "day_done", "duplum_on",
             "duplum_room_cents"),
    "loan_event": ("loan_id", "move", "from_state", "to_state", "actor", "at"),
    "decision": ("id", "borrower_id", "loan_id", "action_key", "scorecard", "inputs", "points", "score",
                 "outcome", "limit_cents", "reasons", "at"),
    "account": ("id", "code", "kind", "loan_id", "borrower_id", "opened_at"),
    "journal": ("id", "key", "kind", "loan_id", "borrower_id", "at", "value_on"),
    "posting": ("journal_id", "account_id", "amount_cents"),
    "balance": ("account_id", "debits_cents", "credits_cents"),
    "hold": ("key", "loan_id", "amount_cents", "state", "placed_by", "settled_by", "posted_cents",
             "placed_at", "settled_at", "expires_at"),
    "approval": ("id", "kind", "subject", "loan_id", "borrower_id", "amount_cents", "details", "reason",
                 "state", "proposed_by", "proposed_at", "decided_by", "decided_at", "note"),
    "suspense_item": ("id", "receipt", "amount_cents", "payer", "account_ref", "received_at", "booked_by",
                      "state", "settled_by", "settled_at"),
    "refund": ("id", "borrower_id", "amount_cents", "approval_id", "booked_by", "state", "settled_by",
               "settled_at", "approved_at"),
    "payout": ("id", "loan_id", "refund_id", "borrower_id", "amount_cents", "originator_id", "state",
               "attempts", "conversation_id", "result_code", "receipt", "manual_at", "created_at",
               "changed_at"),
    "payout_event": ("payout_id", "what", "from_state", "to_state", "detail", "at"),
    "payment_request": ("id", "loan_id", "borrower_id", "amount_cents", "state", "action_key",
                        "checkout_request_id", "created_at", "outcome", "receipt", "prompted_at",
                        "settled_at"),
    "sms": ("id", "key", "borrower_id", "loan_id", "kind", "notice", "details", "state", "attempts",
            "language", "words", "parts", "provider_id", "status_code", "reason", "cost_cents",
            "report_rank", "created_at", "sending_at", "settled_at"),
    "sms_opt_out": ("borrower_id", "source", "at"),
    "business_day": ("day", "closed_at", "counts"),
    "portfolio_day": ("day", "product", "loans", "principal_cents", "charges_cents", "par1_cents",
                      "par30_cents", "par60_cents", "par90_cents", "disbursed_cents", "repaid_cents",
                      "written_off_cents", "recovered_cents"),
    "audit": ("at", "who", "kind", "operation", "subject", "before", "after", "address", "request_id"),
    "dialog_hour": ("hour", "service", "bundle", "network", "language", "state", "shown", "moved_on",
                    "refused", "begun", "ended", "dwell_ms", "within_2s", "within_5s", "within_10s",
                    "within_20s", "within_60s", "longer"),
    "session_hour": ("hour", "gateway", "service_code", "network", "bundle", "language", "state", "status",
                     "currency", "sessions", "cost_micros", "duration_ms", "hops"),
    "server_hour": ("hour", "metric", "label", "other", "bound", "value"),
}  # fmt: skip


@dataclass(slots=True)
class Rows:
    """Lines by table."""

    borrower: list[str] = field(default_factory=list)
    consent: list[str] = field(default_factory=list)
    loan: list[str] = field(default_factory=list)
    loan_event: list[str] = field(default_factory=list)
    decision: list[str] = field(default_factory=list)
    account: list[str] = field(default_factory=list)
    journal: list[str] = field(default_factory=list)
    posting: list[str] = field(default_factory=list)
    balance: list[str] = field(default_factory=list)
    hold: list[str] = field(default_factory=list)
    approval: list[str] = field(default_factory=list)
    suspense_item: list[str] = field(default_factory=list)
    refund: list[str] = field(default_factory=list)
    payout: list[str] = field(default_factory=list)
    payout_event: list[str] = field(default_factory=list)
    payment_request: list[str] = field(default_factory=list)
    sms: list[str] = field(default_factory=list)
    sms_opt_out: list[str] = field(default_factory=list)
    business_day: list[str] = field(default_factory=list)
    portfolio_day: list[str] = field(default_factory=list)
    audit: list[str] = field(default_factory=list)
    dialog_hour: list[str] = field(default_factory=list)
    session_hour: list[str] = field(default_factory=list)
    server_hour: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert tuple(each.name for each in fields(self)) == tuple(COLUMNS)

    def take(self, table: str) -> bytes:
        """The lines of a table as bytes; the list is empty then."""
        lines: list[str] = getattr(self, table)
        if not lines:
            return b""
        data = "\n".join(lines) + "\n"
        lines.clear()
        return data.encode()
