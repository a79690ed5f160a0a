"""What is written beside the books: messages, decisions by two people, and the audit of them."""

from typing import Any

import orjson

from services.seeding.desk import Desk
from services.seeding.people import Person
from services.seeding.rows import NULL
from services.sms.notices import NOTICES
from services.sms.texts import parts

STAFF = ("akinyi@umoja.example", "baraka@umoja.example", "chebet@umoja.example", "dalmas@umoja.example")
PART_COST_CENTS = 80
_ENDS = (  # share of messages up to here, state, status code, reason, rank of the report
    (0.955, "delivered", 101, "", 3),
    (0.975, "failed", 101, "AbsentSubscriber", 3),
    (0.990, "accepted", 101, "", 0),
    (0.995, "unknown", NULL, "no answer", 0),
    (1.001, "refused", 403, "InvalidPhoneNumber", 0),
)


def tell(
    desk: Desk,
    person: Person,
    when: tuple[int, int],
    key: str,
    notice: str,
    loan_id: int | None,
    **details: Any,
) -> None:
    """A message that was sent, and mostly arrived."""
    rolled = desk.chance.random()
    state, code, reason, rank = next(end[1:] for end in _ENDS if rolled < end[0])
    values = {"name": person.name, "paybill": desk.sold.product.repayment.paybill, **details}
    words, language = desk.texts.say(notice, person.language, values)
    taken = parts(words)
    day, second = when
    asked = desk.calendar.at(day, second)
    sent = desk.calendar.at(day, min(second + 2, 86_399))
    settled = desk.calendar.at(day, min(second + 5, 86_399))
    number = desk.ids.sms.take(day)
    sending = f"{language}\t{words}\t{taken}" if state != "refused" else f"{NULL}\t{NULL}\t{NULL}"
    values_json = orjson.dumps(details).decode()
    known = f"seed-{number:x}" if state in ("delivered", "failed", "accepted") else NULL
    desk.rows.sms.append(
        f"{number}\t{key}\t{person.number}\t{NULL if loan_id is None else loan_id}\t{NOTICES[notice].kind}\t"
        f"{notice}\t{values_json}\t{state}\t{int(state != 'refused')}\t{sending}\t{known}\t"
        f"{code}\t{reason}\t{taken * PART_COST_CENTS if known != NULL else 0}\t{rank}\t{asked}\t"
        f"{NULL if state == 'refused' else sent}\t{settled}"
    )


def propose(
    desk: Desk,
    kind: str,
    subject: str,
    whose: str,
    cents: int,
    asked: tuple[int, int],
    decided: tuple[int, int] | None,
    **more: Any,
) -> int:
    """Something that needs two people: proposed, and decided if `decided` says when. Its id.

    whose: its loan and borrower, as columns. more: by, reason, state, details.
    """
    calendar = desk.calendar
    number = desk.ids.approval.take(asked[0])
    by = more.get("by", STAFF[number % 2])
    state = "proposed" if decided is None else more.get("state", "approved")
    who = STAFF[2 + number % 2]
    end = f"{NULL}\t{NULL}" if decided is None else f"{who}\t{calendar.at(*decided)}"
    desk.rows.approval.append(
        f"{number}\t{kind}\t{subject}\t{whose}\t{cents}\t{orjson.dumps(more.get('details', {})).decode()}\t"
        f"{more.get('reason', 'asked for by telephone')}\t{state}\t{by}\t{calendar.at(*asked)}\t{end}\t"
    )
    if decided is not None:
        desk.rows.audit.append(
            f"{calendar.at(*decided)}\t{who}\tperson\tdecide_approval\tapproval:{number}\t"
            f'{{"state": "proposed"}}\t{{"state": "{state}"}}\t127.0.0.1\tseed-{number:x}'
        )
    return number
