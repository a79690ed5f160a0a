"""One message to many: what it would cost, two people where many get it, and each of them once.

    plan      who fits, how many parts it takes, what that costs: changes nothing
    ask       keeps it; for more people than `bulk_sms_alone` it begins when a second person agrees
    begin     who gets it is fixed, as they fit then
    step      a worker asks for the next BATCH messages, each under its own key, and says how far it came
    stop      what was not sent by then is not sent

A service message waits for the end of the quiet hours; an offer also needs the borrower's consent to offers,
looked at when it is chosen and again when it is sent (services/sms/sending.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson

from services import clock, outbox, runtime_settings
from services.loans import approvals
from services.loans.approvals import ApprovalError, Effect, Request
from services.sms import bulk_queries as queries
from services.sms.notices import NOTICES, WIDEST
from services.sms.texts import OWN, Texts, own_words, parts

BULK = "bulk_message"
BATCH = 500
PART_CENTS = 80  # KES 0.80 a part, as Africa's Talking's example has it, until we know our own
GROWTH = 110  # percent of the people that were agreed to; more than that has to be agreed to again
ABOUT_A_LOAN = ("ref", "owed", "due", "days")


class BulkError(Exception):
    """This message cannot be sent. `faults` says all that is wrong with it."""

    def __init__(self, *faults: str) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


@dataclass(slots=True, frozen=True)
class Chosen:
    """Who gets it. None: whatever it is. States are those of a loan that is open or written off; `none` is
    who has no such loan. Days count from its due date, below zero before it."""

    language: str | None = None
    states: Sequence[str] | None = None
    product: str | None = None
    days_from: int | None = None
    days_to: int | None = None
    borrower_ids: Sequence[int] | None = None

    def values(self) -> tuple[Any, ...]:
        """As the queries take them."""
        return self.language, self.states, self.product, self.days_from, self.days_to, self.borrower_ids


@dataclass(slots=True, frozen=True)
class Message:
    """What is said to whom. Words of its own by language, or the name of a notice of sms.yaml."""

    kind: str
    chosen: Chosen
    words: Mapping[str, str] = field(default_factory=dict)
    notice: str = OWN


@dataclass(slots=True, frozen=True)
class Plan:
    """What it comes to: people and parts by language, what it may cost at most, and whether a second person
    must agree."""

    people: Mapping[str, int]
    parts: Mapping[str, int]
    cost_cents: int
    needs_second: bool

    @property
    def recipients(self) -> int:
        """All people."""
        return sum(self.people.values())


def able() -> list[str]:
    """The notices that may be sent to many: reminders of a debt."""
    return [name for name, known in NOTICES.items()
            if known.kind == "service" and set(known.slots) <= set(ABOUT_A_LOAN)]  # fmt: skip


async def plan(connection: Any, texts: Texts, message: Message, today: date) -> Plan:
    """Count and estimate. Raises BulkError."""
    taken = _parts(texts, message)
    rows = await connection.fetch(queries.COUNT, *_filter(message, today))
    people = {row["language"]: row["people"] for row in rows}
    cost = await connection.fetchval(queries.PART_COST, PART_CENTS)
    most = await runtime_settings.read(connection, runtime_settings.BULK_MOST)
    recipients = sum(people.values())
    if recipients > most:
        raise BulkError(f"{recipients:,} people fit, and a message goes to at most {most:,}. Choose fewer.")
    alone = await runtime_settings.read(connection, runtime_settings.BULK_ALONE)
    first = texts.languages[0]
    cents = sum(number * taken.get(language, taken[first]) * cost for language, number in people.items())
    return Plan(people, taken, cents, recipients > alone)


async def ask(
    connection: Any, texts: Texts, message: Message, who: str, reason: str, today: date
) -> tuple[int, Plan, int | None]:
    """Have it sent, inside the caller's transaction. Gives its number, the plan, and the number of the
    approval it waits for, if it does. Raises BulkError."""
    planned = await plan(connection, texts, message, today)
    if planned.recipients == 0:
        raise BulkError("Nobody fits.")
    chosen = orjson.dumps(message.chosen).decode()
    number: int = await connection.fetchval(
        queries.WRITE,
        message.kind,
        message.notice,
        orjson.dumps(dict(message.words)).decode(),
        chosen,
        planned.recipients,
        planned.cost_cents,
        approvals.person(who),
    )
    if not planned.needs_second:
        await _begin(connection, await connection.fetchrow(queries.LOCK, number), today)
        return number, planned, None
    details = {"bulk_id": number, "recipients": planned.recipients}
    request = Request(BULK, f"bulk:{number}", planned.cost_cents, reason, details=details)
    approval_id = await approvals.propose(connection, request, who)
    await connection.execute(queries.NEEDS, number, approval_id)
    return number, planned, approval_id


async def step(pool: Any, bulk_id: int) -> bool:
    """Ask for the next messages. False when nothing is left to do. Several may do so at once: they take
    turns, and no message is asked for twice."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(queries.LOCK, bulk_id)
        if row is None or row["state"] != "sending":
            return False
        speaks_of_loan = row["notice"] != OWN
        counts_days = speaks_of_loan and "days" in NOTICES[row["notice"]].slots
        done = await connection.fetchrow(
            queries.ASK,
            bulk_id,
            row["done_up_to"],
            BATCH,
            row["kind"],
            row["notice"],
            clock.nairobi_date(clock.now()),
            speaks_of_loan,
            counts_days,
        )
        if done["passed"] == 0:
            await connection.execute(queries.END, bulk_id, "sent")
            return False
        await connection.execute(queries.PASSED, bulk_id, done["last"])
        return True


async def stop(connection: Any, bulk_id: int) -> bool:
    """Send no more of it, inside the caller's transaction. False when it is over, or waits for somebody."""
    row = await connection.fetchrow(queries.LOCK, bulk_id)
    if row is None or row["state"] not in ("sending", "sent"):
        return False
    await connection.execute(queries.END, bulk_id, "stopped")
    return True


async def progress(connection: Any, bulk_id: int) -> dict[str, Any] | None:
    """How far it came: its row, with messages by state and what they cost so far."""
    row = await connection.fetchrow("select * from bulk_message where id = $1", bulk_id)
    if row is None:
        return None
    states = await connection.fetch(queries.PROGRESS, bulk_id)
    return {
        **row,
        "messages": {each["state"]: each["messages"] for each in states},
        "spent_cents": sum(each["cost_cents"] for each in states),
    }


def _parts(texts: Texts, message: Message) -> dict[str, int]:
    """The parts it takes in each language, with the widest values. Raises BulkError."""
    if message.notice != OWN:
        if message.notice not in able() or message.kind != "service":
            raise BulkError(f"Only these may be sent to many, as service: {', '.join(able())}.")
        made = texts.messages[message.notice]
    else:
        made, faults = own_words(message.words, texts.languages)
        if faults:
            raise BulkError(*faults)
    return {language: parts(each.render(dict(WIDEST), {}, None)) for language, each in made.items()}


def _filter(message: Message, today: date) -> tuple[Any, ...]:
    return message.kind, *message.chosen.values(), today, message.notice != OWN


async def _begin(connection: Any, row: Any, today: date, most: int | None = None) -> None:
    """Fix who gets it, and have it asked for."""
    chosen = Chosen(**orjson.loads(row["chosen"]))
    message = Message(row["kind"], chosen, notice=row["notice"])
    status = await connection.execute(queries.FIX, *_filter(message, today), row["id"])
    people = int(status.rpartition(" ")[2])
    if most is not None and people > most:
        raise ApprovalError(f"{people:,} people fit by now. Ask for it again.")
    await connection.execute(queries.BEGIN, row["id"], people)
    await outbox.put(connection, f"bulk:{row['id']}", outbox.BULK, {"bulk_id": row["id"]})


async def _agreed(connection: Any, row: Any, who: str) -> None:  # noqa: ARG001
    details = orjson.loads(row["details"])
    bulk = await connection.fetchrow(queries.LOCK, details["bulk_id"])
    most = details["recipients"] * GROWTH // 100
    await _begin(connection, bulk, clock.nairobi_date(clock.now()), most)


async def _refused(connection: Any, row: Any, who: str) -> None:  # noqa: ARG001
    await connection.execute(queries.END, orjson.loads(row["details"])["bulk_id"], "rejected")


approvals.EFFECTS[BULK] = Effect(_agreed, _refused)
