"""A borrower who has left a row in as many tables as one can, for tests of what is held about somebody."""

from typing import Any

import orjson

from services.loans import approvals
from services.mpesa import inbox as mpesa_inbox
from services.mpesa import repayments, told
from services.privacy.forgetting import digest_of
from services.scoring import consented
from services.scoring.statement import Sums
from services.sms import callbacks
from tests.services.lending import TODAY, in_transaction, noon
from tests.services.world import SECRET, Phone

NAME = "Nyokabi Test-Subject"


def session_key(phone: Phone, press: int, action: str) -> str:
    """The key that the engine gives a press: with a digest of the number."""
    digest = digest_of(phone.msisdn, SECRET.decode())
    return f"{phone.gateway}:{phone.session}:{digest}:{press}:{action}"


async def joined(phone: Phone) -> None:
    """Join, each press under the key that the engine gives it."""
    await phone.do("borrowers.consent", session_key(phone, 1, "borrowers.consent"), version="2026-11")
    await phone.do("borrowers.choose_pin", pin="4826")
    await phone.do(
        "borrowers.register", session_key(phone, 5, "borrowers.register"), name=NAME,
        national_id=phone.msisdn[3:], pin="4826",
    )  # fmt: skip


async def life(phone: Phone) -> None:
    """Join, agree, borrow, pay, get messages, be scored; and M-Pesa's callbacks about it."""
    await joined(phone)
    await phone.do("borrowers.offers", wanted=True)
    await phone.do("borrowers.offers", wanted=False)
    ref = (await phone.borrow()).value["ref"]
    await phone.money_arrives(ref)
    await phone.do("repayments.prompt", amount=100_000)
    await phone.pay(ref, 590_000, "QAA1111111")
    await phone.do("borrowers.choose_pin", pin="9753")
    await callback(phone)
    await phone.pool.execute("insert into sms_opt_out (borrower_id, source) select id, 'phone' from borrower")
    form = consented.Form("F-12", "1")
    sums = Sums(b"s" * 32, TODAY, TODAY, 3, 100_000, 50_000, 1, 1, None)
    await in_transaction(phone.pool, consented.give_consent, phone.msisdn, form)
    await in_transaction(phone.pool, consented.take_in, phone.msisdn, sums, "akinyi")
    number = await phone.pool.fetchval("select id from borrower where msisdn = $1", phone.msisdn)
    await phone.pool.execute(
        "insert into score_change values ($1, 1, 300, 350, 500000, 750000, array[1.0])", number
    )
    request = approvals.Request(approvals.REFUND, f"borrower:{number}", 1_000, "a test", borrower_id=number)
    await in_transaction(phone.pool, approvals.propose, request, "akinyi")
    await in_transaction(
        phone.pool, repayments.received,
        told.Paid("QZZ9999999", 12_300, "nobody", phone.msisdn, noon(TODAY)),
    )  # fmt: skip


async def callback(phone: Phone) -> None:
    """What M-Pesa and the SMS gateway told us, with the number in it."""
    body = orjson.dumps({"MSISDN": int(phone.msisdn), "FirstName": NAME.split()[0], "TransAmount": "10.00"})
    await in_transaction(phone.pool, mpesa_inbox.store, "confirmation", "", body)
    await phone.pool.execute("update mpesa_inbox set state = 'done'")
    fields: dict[str, Any] = {"phoneNumber": f"+{phone.msisdn}", "id": "AT1", "status": "Success"}
    await in_transaction(phone.pool, callbacks.store, "report", "AT1:Success", fields)
    await phone.pool.execute("update sms_callback set processed_at = now()")


async def mentioned(pool: Any, words: tuple[str, ...]) -> dict[str, int]:
    """Rows of each table that hold one of the words anywhere: in a text, in JSON, in bytes."""
    found = {}
    tables = await pool.fetch(
        "select table_name from information_schema.tables"
        " where table_schema = 'public' and table_type = 'BASE TABLE'"
    )
    for (table,) in tables:
        rows = await pool.fetch(f'select t::text as text from "{table}" as t')
        needles = [word for each in words for word in (each, each.encode().hex())]
        number = sum(any(needle in row["text"] for needle in needles) for row in rows)
        if number:
            found[table] = number
    return found
