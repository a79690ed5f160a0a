"""Lists as pages: the columns come from the answer's model, the filters from the query's. So what a list of
the API can show and filter, its page can.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin

from markupsafe import Markup

from services.admin import forms, words
from services.admin.site import ROOT, Page
from services.admin.visit import Visit, address, named
from services.api import deciding  # noqa: F401 - with it every kind of approval is known
from services.api.operation import BASE
from services.ledger import charges, suspense
from services.loans import approvals, books, refunds
from services.mpesa import returns
from services.sms.notices import NOTICES

_PAGING = {"cursor", "limit", "skip", "total", "format", "sort", "q", "after"}


@dataclass(slots=True, frozen=True)
class List:
    """A list's page. hides: fields that are not columns. more: what stands under a row, from a template."""

    path: str
    title: str
    operation: str
    says: str
    empty: str
    hides: tuple[str, ...] = ()
    links: Mapping[str, str] | None = None  # field → a page's path, {} the value
    template: str = "list.html"
    search: str = ""  # what the search box takes; empty: there is none
    filters: tuple[str, ...] | None = None  # None: all
    rows: str = "50"
    beside: str = ""  # an operation whose answer the template shows too, and what it is asked
    beside_query: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of filters that take any word


@dataclass(slots=True, frozen=True)
class Filter:
    """A field of the form above a list."""

    name: str
    label: str
    kind: str  # select, date, kes, number, yes_no, text
    choices: tuple[str, ...]
    held: str
    any: str = "any"  # the choice of all; empty: without one, a list has a choice of its own


def page_of(listed: List) -> Callable[[Visit], Any]:
    """The handler of a list's page."""

    async def show(visit: Visit) -> Page:
        visit.require(listed.operation)
        operation = named()[listed.operation]
        given = {name: text for name, text in visit.request.query.items() if name not in ("done", "number")}
        query = forms.query(operation, given)
        fields = operation.query.model_fields if operation.query is not None else {}
        if "limit" in fields:
            query["limit"] = listed.rows
        answer = await visit.ask(listed.operation, query=query)
        rows = list(answer.items)
        following = getattr(answer, "next", None) or getattr(answer, "next_after", None)
        turn = "cursor" if "cursor" in fields else "after"
        shown: dict[str, Any] = {
            "list": listed,
            "rows": rows,
            "columns": _columns(listed, operation.answer),
            "cell": lambda name, row: _cell(listed, name, row),
            "filters": _filters(listed, fields, given),
            "search": given.get("q", "") if "q" in fields and listed.search else None,
            "sorts": _choices(fields["sort"].annotation) if "sort" in fields else (),
            "sort": given.get("sort", ""),
            "filtered": any(text for name, text in given.items() if name not in ("cursor", "sort", "after")),
            "next": address(visit.request.path, {**given, turn: following}) if following else "",
            "exports": _exports(operation.path, query, fields),
            "beside": await _beside(visit, listed),
        }
        return Page(listed.template, shown)

    return show


async def _beside(visit: Visit, listed: List) -> Any:
    if not listed.beside or not visit.may(listed.beside):
        return None
    return await visit.ask(listed.beside, query=listed.beside_query)


def _columns(listed: List, answer: Any) -> list[str]:
    item = get_args(answer.model_fields["items"].annotation)[0]
    return [name for name in item.model_fields if name not in listed.hides]


def _cell(listed: List, name: str, row: Any) -> Markup:
    held = getattr(row, name)
    shown = words.value(name, held)
    if listed.links and name in listed.links and held is not None:
        return Markup('<a href="{}{}">{}</a>').format(ROOT, listed.links[name].format(held), shown)
    return shown


def _exports(path: str, query: Mapping[str, str], fields: Mapping[str, Any]) -> dict[str, str]:
    if "format" not in fields:
        return {}
    kept = {name: text for name, text in query.items() if name not in ("cursor", "after", "limit", "skip")}
    return {
        title: address(BASE + path, {**kept, "format": kind})
        for kind, title in (("csv", "CSV"), ("xlsx", "Excel"))
    }


def _filters(listed: List, fields: Mapping[str, Any], given: Mapping[str, str]) -> list[Filter]:
    names = [name for name in fields if name not in _PAGING] if listed.filters is None else listed.filters
    found = []
    for name in names:
        annotation = str(fields[name].annotation)
        choices = _choices(fields[name].annotation) or listed.choices.get(name, ())
        usual = fields[name].default
        held = given.get(name, "")
        if choices:
            kind = "select"
        elif "bool" in annotation:
            kind, choices = "select", ("true", "false")
        elif "date" in annotation:
            kind = "date"
        elif name.endswith("_cents"):
            kind = "kes"
        elif "int" in annotation:
            kind = "number"
        else:
            kind = "text"
        sent = f"kes.{name}" if kind == "kes" else name
        label = words.title(name) + (", KES" if kind == "kes" else "")
        if isinstance(usual, list) and usual:
            found.append(Filter(sent, label, kind, choices, held or usual[0], any=""))
        else:
            found.append(Filter(sent, label, kind, choices, given.get(sent, "")))
    return found


def _choices(annotation: Any) -> tuple[str, ...]:
    """The words of a Literal or an enum, wherever in the annotation it is."""
    if get_origin(annotation) is Literal:
        return tuple(str(word) for word in get_args(annotation))
    if isinstance(annotation, type) and hasattr(annotation, "__members__"):
        return tuple(str(member.value) for member in annotation)  # type: ignore[attr-defined]
    for inner in get_args(annotation):
        found = _choices(inner)
        if found:
            return found
    return ()


LOAN = "/loans/{}"
JOURNALS = (
    books.DISBURSEMENT, books.FEE, books.INTEREST, books.PENALTY, books.ROLLOVER, books.REPAYMENT,
    books.CREDIT_USED, books.WAIVER, books.WRITE_OFF, books.MATCHED, suspense.RECEIVED, suspense.RETURNED,
    refunds.SET_ASIDE, refunds.PAID, "hold", "hold_release", charges.CHARGE, "funding",
)  # fmt: skip

LISTS = (
    List(
        "/borrowers", "Borrowers", "list_users", "Everybody who has joined or begun to.",
        "Nobody is found. Search by a name, a whole phone number or a loan's reference.",
        links={"id": "/borrowers/{}", "loan_ref": LOAN}, template="borrowers.html",
        search="Name, number or loan reference",
    ),
    List(
        "/loans", "Loans", "list_loans", "Every application and what became of it.",
        "No loan is like that. Take a filter away.",
        hides=("id", "user_id", "msisdn", "total_cents", "disbursed_at", "closed_at", "product"),
        links={"ref": LOAN},
        search="Name, number or reference",
        filters=("status", "days_late_min", "days_late_max", "product", "amount_min_cents",
                 "amount_max_cents", "applied_from", "applied_to", "due_from", "due_to"),
    ),
    List(
        "/approvals", "Approvals", "list_approvals",
        "What one person proposed and another decides. Nobody decides what they proposed.",
        "Nothing waits for a decision.", template="approvals.html",
        choices={"kind": tuple(sorted(approvals.EFFECTS))},
    ),
    List(
        "/suspense", "Suspense", "list_suspense", "Money that came and that nobody is known for yet.",
        "No money waits for its owner.", template="suspense.html", beside="list_approvals",
        beside_query={"kind": (approvals.MANUAL_MATCH, returns.RETURN), "limit": "500"},
    ),
    List(
        "/differences", "Differences", "list_differences",
        "What our books and M-Pesa's do not say alike, and nobody has explained yet.",
        "Our books and M-Pesa's agree, as far as they were compared.", template="differences.html",
        hides=("id", "ours_on", "linked", "ways", "candidates"),
    ),
    List(
        "/payouts", "Payouts", "list_payouts", "Money on its way to borrowers, and what M-Pesa said of it.",
        "No payout is like that.", links={"loan_ref": LOAN}, template="payouts.html", beside="read_float",
        hides=("id", "originator_id", "user_id", "msisdn", "loan_id", "refund_id", "result_code", "attempts",
               "waits_since", "changed_at"),
    ),
    List(
        "/wallets", "Wallets", "list_wallets", "What is held for each borrower, and what they owe.",
        "Nobody's wallet is like that.", links={"user_id": "/borrowers/{}"},
    ),
    List(
        "/transactions", "Transactions", "list_transactions",
        "The journals of the ledger, with their postings.",
        "No journal is like that.", links={"loan_ref": LOAN}, template="transactions.html",
        choices={"kind": JOURNALS},
    ),
    List("/days", "Business days", "list_days", "Each day that was closed, and what it came to.",
         "No day was closed yet. The worker closes each one after midnight.",
         hides=("closed_at", "counts", "par1_cents", "par60_cents")),
    List(
        "/messages", "Messages", "list_messages", "What was sent by SMS, and what became of it.",
        "No message is like that.", links={"loan_ref": LOAN}, choices={"notice": tuple(sorted(NOTICES))},
        hides=("id", "user_id", "msisdn", "language", "kind", "settled_at"),
    ),
    List(
        "/many", "Messages to many", "list_bulk_messages", "What was written to many, and how far each is.",
        "Nothing was written to many like that.", links={"id": "/bulk/{}"}, template="many.html",
        rows="20",
        hides=("notice", "words", "messages", "approval_id", "begun_at", "ended_at"),
    ),
    List("/sessions", "Live dialogs", "list_sessions", "Who is in a dialog just now. Refreshes itself.",
         "Nobody is in a dialog just now.", template="sessions.html",
         hides=("code", "gateway", "started_at", "seen_at")),
    List("/audit", "Audit", "list_audit", "Who did what, when and from where. Nobody can change these rows.",
         "Nothing is recorded like that.", hides=("id", "kind", "request_id")),
    List("/staff", "Staff", "list_staff", "Who works here, and as what.", "Nobody yet.",
         template="staff.html", hides=("id", "new_password_needed", "created_by")),
    List("/keys", "API keys", "list_keys", "Machines that may ask, and for what.", "No key was made yet.",
         template="keys.html", hides=("id", "created_at", "revoked_by")),
)  # fmt: skip
