"""`ussd payouts` and `ussd inbox`: what waits for a person, and what a person says of it."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from services.mpesa.inbox import process_inbox
from services.mpesa.showing import HIDDEN, masked
from tests.mpesa.conftest import Till
from ussd_engine import cli
from ussd_engine.settings import settings


@pytest_asyncio.fixture
async def ussd(pg_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command on the test's database; its result."""
    monkeypatch.setenv("DATABASE_URL", pg_url)
    settings.cache_clear()

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, cli.app, list(arguments))

    yield run
    settings.cache_clear()


async def in_doubt(till: Till) -> int:
    """A payout that M-Pesa was asked about often enough; its number."""
    await till.lend(await till.phone())
    await till.pool.execute(
        "insert into payout (loan_id, borrower_id, amount_cents, originator_id)"
        " select id, borrower_id, principal_cents, 'P0123456789' from loan"
    )
    await till.pool.execute("update payout set state = 'submitting'")
    await till.pool.execute("update payout set state = 'unknown', manual_at = now()")
    number: int = await till.pool.fetchval("select id from payout")
    return number


async def test_one_person_says_what_the_portal_shows_and_another_decides(till: Till, ussd: Any) -> None:
    assert (await ussd("payouts", "list")).output == "None waits.\n"
    number = str(await in_doubt(till))
    listed = (await ussd("payouts", "list")).output
    assert "unknown    KES     5,000  P0123456789" in listed

    wrong = await ussd("payouts", "sent", number, "no receipt!", "--by", "akinyi")
    assert str(wrong.exception) == "'no receipt!' is not a receipt of M-Pesa"
    proposed = await ussd("payouts", "sent", number, "SKA1B2C3D4", "--by", "akinyi")
    assert proposed.exit_code == 0, proposed.exception
    approval = proposed.output.split()[3].rstrip(".")
    assert f"payout_sent: number {approval} by akinyi" in (await ussd("payouts", "list")).output

    same = await ussd("payouts", "decide", approval, "--by", "Akinyi")
    assert "may not decide it" in str(same.exception)
    done = await ussd("payouts", "decide", approval, "--by", "baraka")
    assert done.output == f"Number {approval} is approved.\n"
    assert await till.pool.fetchval("select state from payout") == "posted"
    assert await till.pool.fetchval("select state from loan") == "active"
    assert (await ussd("payouts", "list")).output == "None waits.\n"
    assert "no proposal 999" in str((await ussd("payouts", "decide", "999", "--by", "baraka")).exception)


async def test_what_was_not_sent_releases_the_loan_and_may_be_rejected_first(till: Till, ussd: Any) -> None:
    number = str(await in_doubt(till))
    for rejected in (True, False):
        said = await ussd("payouts", "not-sent", number, "--by", "akinyi")
        approval = said.output.split()[3].rstrip(".")
        decide = ["payouts", "decide", approval, "--by", "baraka", *(["--reject"] if rejected else [])]
        assert (await ussd(*decide)).exit_code == 0
        state = await till.pool.fetchval("select state from loan")
        assert state == ("disbursing" if rejected else "failed")


async def test_a_callback_that_failed_is_listed_shown_masked_and_processed_again(
    till: Till, ussd: Any
) -> None:
    assert (await ussd("inbox", "list")).output == "None failed.\n"
    await till.post("confirmation", {"TransID": "", "MSISDN": "254712345678", "FirstName": "Wanjiru"})
    await process_inbox(till.pool, till.daraja.settings)
    listed = (await ussd("inbox", "list")).output
    number = listed.split()[0]
    assert "failed   confirmation" in listed

    shown = (await ussd("inbox", "show", number)).output
    assert '"MSISDN": "2547***678"' in shown
    assert "Wanjiru" not in shown

    for _ in range(2):
        assert (await ussd("inbox", "retry", number, "--by", "akinyi")).exit_code == 0
        assert await till.pool.fetchval("select state from mpesa_inbox") == "new"
        await process_inbox(till.pool, till.daraja.settings)  # the cause was not mended
    assert await till.pool.fetchval("select count(*) from outbox where key like 'inbox:%'") == 3
    assert "no callback 999 that failed" in str((await ussd("inbox", "retry", "999")).exception)
    assert "no callback 999" in str((await ussd("inbox", "show", "999")).exception)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"MSISDN": 254712345678, "TransAmount": "1"}', {"MSISDN": "2547***678", "TransAmount": "1"}),
        (b'{"BillRefNumber": "wanjiru", "TransTime": "20261123101530"}',
         {"BillRefNumber": HIDDEN, "TransTime": "20261123101530"}),
        (b'{"Item": [{"Name": "PhoneNumber", "Value": 254712345678}, {"Name": "Amount", "Value": 10}]}',
         {"Item": [{"Name": "PhoneNumber", "Value": "2547***678"}, {"Name": "Amount", "Value": 10}]}),
        (b'{"Key": "ReceiverPartyPublicName", "Value": "254712345678 - Jane"}',
         {"Key": "ReceiverPartyPublicName", "Value": HIDDEN}),
        (b"\xff", "1 bytes that are no JSON"),
    ],
)  # fmt: skip
def test_a_callback_is_shown_without_whose_it_is(body: bytes, shown: Any) -> None:
    assert masked(body) == shown
