"""What lists must show, worked out in Python from whole tables: each filter as a condition on a row, each
sort as a key. Nothing of services/api/lists is used but the names.

A row is what SOURCES reads: the row of the list's table, with what belongs to it.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

NAIROBI = ZoneInfo("Africa/Nairobi")
LENT = ("active", "overdue", "non_performing")

Row = Mapping[str, Any]
Condition = Callable[[Row, Any], bool]


@dataclass
class Oracle:
    """One list. id: the field by which its items are known; default: what an empty query filters by."""

    sql: str
    filters: dict[str, Condition]
    sorts: dict[str, Callable[[Row], Any]]
    id: str = "id"
    default: dict[str, Any] = field(default_factory=dict)

    def expected(self, rows: list[Row], asked: Mapping[str, Any], sort: str) -> list[Any]:
        """The ids that must come, in order."""
        chosen = {**self.default, **asked}
        fit = [row for row in rows if all(self.filters[name](row, value) for name, value in chosen.items())]
        down = sort.startswith("-")
        key = self.sorts[sort.removeprefix("-")]
        there = sorted(
            (row for row in fit if key(row) is not None), key=lambda row: (key(row), row["own"]), reverse=down
        )
        missing = sorted((row for row in fit if key(row) is None), key=lambda row: row["own"], reverse=down)
        return [row["own"] for row in (*there, *missing)]


def folded(name: str) -> str:
    """A name as it is looked for, by another way than the database's."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    return " ".join(
        "".join(" " if each in ".,_-" else each for each in plain.lower() if each not in "'`´‘’ʼ").split()
    )


def named(row: Row, text: str) -> bool:
    """Whether every word begins a word of the name."""
    words = folded(row["name"] or "").split()
    wanted = folded(text).split()
    return bool(wanted) and all(any(word.startswith(each) for word in words) for each in wanted)


def day_of(moment: datetime) -> date:
    return moment.astimezone(NAIROBI).date()


def today() -> date:
    return datetime.now(NAIROBI).date()


def one_of(name: str) -> Condition:
    return lambda row, values: row[name] in values


def equal(name: str) -> Condition:
    return lambda row, value: row[name] == value


def within(
    prefix: str, read: Callable[[Row], Any], low: str = "from", high: str = "to"
) -> dict[str, Condition]:
    """A range by two filters. What is missing is in no range."""
    return {
        f"{prefix}_{low}": lambda row, value: read(row) is not None and read(row) >= value,
        f"{prefix}_{high}": lambda row, value: read(row) is not None and read(row) <= value,
    }


def amounts(name: str) -> dict[str, Condition]:
    return {
        "amount_min_cents": lambda row, value: row[name] >= value,
        "amount_max_cents": lambda row, value: row[name] <= value,
    }


def days_late(row: Row) -> int | None:
    if row["loan_state"] not in LENT or row["due_on"] is None:
        return None
    return int((today() - row["due_on"]).days)


def standing(row: Row) -> str:
    if row["blacklisted_at"] is not None:
        return "blacklisted"
    return "joining" if row["registered_at"] is None else "registered"


PERSON = """
select borrower.*, borrower.id as own, loan.state as loan_state, loan.due_on, loan.is_open,
    coalesce((select sum(balance_cents) from account join balance on account_id = account.id
        where account.borrower_id = borrower.id and account.kind = 'liability'), 0) as credit,
    exists (select from loan as owed where owed.borrower_id = borrower.id and owed.disbursed_at is not null
        and owed.state in ('active', 'overdue', 'non_performing', 'written_off', 'disbursing')) as owes
from borrower
left join loan on loan.borrower_id = borrower.id and loan.is_open
"""
LOAN = """
select loan.*, loan.id as own, loan.state as loan_state, borrower.name
from loan join borrower on borrower.id = loan.borrower_id
"""

ORACLES: dict[str, Oracle] = {
    "users": Oracle(
        PERSON,
        {
            "status": lambda row, values: standing(row) in values,
            "language": equal("language"),
            **within("joined", lambda row: day_of(row["created_at"])),
            "has_loan": lambda row, value: (row["is_open"] is True) == value,
            "q": named,
        },
        {
            "joined": lambda row: row["created_at"],
            "name": lambda row: folded(row["name"]) if row["name"] else None,
        },
    ),
    "wallets": Oracle(
        PERSON,
        {
            "owes": lambda row, value: row["owes"] == value,
            **within("joined", lambda row: day_of(row["created_at"])),
            "q": named,
        },
        {
            "joined": lambda row: row["created_at"],
            "name": lambda row: folded(row["name"]) if row["name"] else None,
        },
        id="user_id",
    ),
    "loans": Oracle(
        LOAN,
        {
            "status": one_of("state"),
            "product": one_of("product"),
            "user_id": equal("borrower_id"),
            **amounts("principal_cents"),
            **within("applied", lambda row: day_of(row["applied_at"])),
            **within("due", lambda row: row["due_on"]),
            **within("days_late", days_late, "min", "max"),
            "q": named,
        },
        {
            "applied": lambda row: row["applied_at"],
            "amount": lambda row: row["principal_cents"],
            "due": lambda row: row["due_on"],
        },
    ),
    "transactions": Oracle(
        "select journal.*, id as own from journal",
        {
            "kind": one_of("kind"),
            "user_id": equal("borrower_id"),
            "loan_id": equal("loan_id"),
            **within("on", lambda row: row["value_on"]),
        },
        {"on": lambda row: row["value_on"]},
    ),
    "payouts": Oracle(
        "select payout.*, id as own from payout",
        {
            "status": one_of("state"),
            "waits_for_person": lambda row, value: (
                value == (row["manual_at"] is not None and row["state"] in ("submitted", "unknown"))
            ),
            "user_id": equal("borrower_id"),
            **amounts("amount_cents"),
            **within("created", lambda row: day_of(row["created_at"])),
        },
        {"created": lambda row: row["created_at"], "amount": lambda row: row["amount_cents"]},
    ),
    "suspense": Oracle(
        "select suspense_item.*, id as own from suspense_item",
        {
            "status": one_of("state"),
            **amounts("amount_cents"),
            **within("received", lambda row: day_of(row["received_at"])),
        },
        {"received": lambda row: row["received_at"], "amount": lambda row: row["amount_cents"]},
    ),
    "messages": Oracle(
        "select sms.*, id as own from sms",
        {
            "status": one_of("state"),
            "notice": one_of("notice"),
            "kind": one_of("kind"),
            "user_id": equal("borrower_id"),
            **within("created", lambda row: day_of(row["created_at"])),
        },
        {"created": lambda row: row["created_at"]},
    ),
    "approvals": Oracle(
        "select approval.*, approval.id as own, coalesce(approval.borrower_id, loan.borrower_id) as whose "
        "from approval left join loan on loan.id = approval.loan_id",
        {
            "status": one_of("state"),
            "kind": one_of("kind"),
            "user_id": equal("whose"),
            "proposed_by": equal("proposed_by"),
            **amounts("amount_cents"),
            **within("proposed", lambda row: day_of(row["proposed_at"])),
        },
        {"proposed": lambda row: row["proposed_at"]},
        default={"status": ["proposed"]},
    ),
    "audit": Oracle(
        "select audit.*, id as own from audit",
        {
            "who": equal("who"),
            "operation": equal("operation"),
            "subject": equal("subject"),
            **within("at", lambda row: day_of(row["at"])),
        },
        {"at": lambda row: row["at"]},
    ),
    "days": Oracle(
        "select business_day.*, day as own from business_day",
        within("day", lambda row: row["day"]),
        {"day": lambda row: row["day"]},
        id="day",
    ),
}


def some_values(name: str, rows: list[Row], chance: Any) -> dict[str, Any]:
    """A few filters of a list, with values from its rows, or near them."""
    oracle = ORACLES[name]
    picked = chance.sample(
        sorted(set(oracle.filters) - {"q"}), min(chance.choice((1, 1, 2, 3)), len(oracle.filters))
    )
    if name == "loans" and any(
        each.startswith(("due", "days_late")) for each in picked
    ):  # one of the two dates
        picked = [each for each in picked if not each.startswith("applied")]
    return {each: _value(each, chance.choice(rows), chance) for each in picked}


def allowed(name: str, asked_for: dict[str, Any], sort: str) -> str:
    """That sort, or the one that the list wants beside these filters."""
    if (
        name == "loans"
        and asked_for.keys() & {"due_from", "due_to", "days_late_min", "days_late_max"}
        and "due" not in sort
    ):
        return "-due"
    if name == "loans" and asked_for.keys() & {"applied_from", "applied_to"} and "applied" not in sort:
        return "-applied"
    if name == "payouts" and asked_for.keys() & {"created_from", "created_to"} and "created" not in sort:
        return "-created"
    if name in ("loans", "payouts") and asked_for.keys() & {"amount_min_cents", "amount_max_cents"}:
        return sort if "amount" in sort or "user_id" in asked_for else f"-{sort.removeprefix('-')}"
    return sort


def _value(name: str, row: Row, chance: Any) -> Any:
    if name in ("status", "product", "kind", "notice"):
        column = {"status": "state"}.get(name, name)
        if column not in row:
            return [chance.choice(("registered", "joining", "blacklisted"))]
        return [row[column]]
    if name.startswith("days_late"):
        return chance.choice((0, 1, 2, 7, 30, 60, 89, 90, 120))
    if name == "waits_for_person":
        return True
    if name in ("has_loan", "owes"):
        return chance.choice((True, False))
    if name == "user_id":
        return row["whose"] if row.get("whose") else row["borrower_id"] or 1
    if name.startswith("amount"):
        return row["principal_cents" if "principal_cents" in row else "amount_cents"] + chance.choice(
            (-1, 0, 1)
        )
    for column in ("created_at", "applied_at", "received_at", "proposed_at", "at"):
        if name.startswith(column.removesuffix("_at")) or (
            name.startswith("joined") and column == "created_at"
        ):
            return day_of(row[column]) + timedelta(days=chance.choice((-1, 0, 1)))
    if name.startswith(("due", "on_", "day_")):
        column = {"due": "due_on", "on": "value_on", "day": "day"}[name.partition("_")[0]]
        return row[column] or today()
    return row[{"language": "language"}.get(name, name)] or 1
