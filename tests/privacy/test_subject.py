"""An export has everything: a table that is new tomorrow cannot be forgotten."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.privacy import catalogue, subject
from services.privacy.catalogue import PERSON, STAFF
from tests.privacy.lives import NAME, life, mentioned
from tests.services.world import SECRET, Phone
from ussd_engine import cli
from ussd_engine.settings import settings


async def export(phone: Phone) -> dict[str, Any]:
    async with phone.pool.acquire() as connection:
        number = await subject.find(connection, phone.msisdn)
        assert number is not None
        return await subject.export(connection, number, SECRET.decode(), "akinyi")


async def test_every_table_with_a_borrower_or_a_number_is_looked_into(pool: Any) -> None:
    async with pool.acquire() as connection:
        plan = await catalogue.plan(connection)
        rows = await connection.fetch(
            "select table_name from information_schema.columns join information_schema.tables"
            " using (table_schema, table_name) where table_schema = 'public' and table_type = 'BASE TABLE'"
            " and column_name in ('borrower_id', 'msisdn')"
        )
    named = {row["table_name"] for row in rows}
    assert {"consent", "loan", "sms", "crb_listing", "pin_stage", PERSON} <= named
    assert named - STAFF <= plan.tables
    assert {"posting", "loan_event", "payout_event", "mpesa_inbox", "action_result"} <= plan.tables


async def test_a_table_that_is_new_is_in_it(phone: Phone) -> None:
    await life(phone)
    await phone.pool.execute("create table gift (borrower_id bigint not null, words text)")
    await phone.pool.execute("create table ribbon (gift_of text not null, msisdn text not null)")
    await phone.pool.execute("insert into gift select id, 'a goat' from borrower")
    await phone.pool.execute("insert into ribbon values ('red', $1), ('blue', '254799999999')", phone.msisdn)

    tables = (await export(phone))["tables"]
    assert [row["words"] for row in tables["gift"]] == ["a goat"]
    assert [row["gift_of"] for row in tables["ribbon"]] == ["red"]


async def test_whatever_names_somebody_is_in_the_export_and_nothing_of_anybody_else(phone: Phone) -> None:
    borrower = await Phone(phone.pool, phone.terms).join()
    await borrower.borrow_and_repay()
    await life(phone)
    made = await export(phone)

    held = await mentioned(phone.pool, (phone.msisdn, phone.msisdn[3:], NAME.split()[0]))
    assert {"borrower", "pin_stage", "mpesa_inbox", "sms_callback", "action_result"} <= set(held)
    for table, rows in held.items():
        assert len(made["tables"][table]) >= rows, table
    text = json.dumps(made)
    for theirs in (borrower.msisdn, borrower.msisdn[3:], "Wanjiru"):
        assert theirs not in text
    for secret in ("pin_hash", "argon2", "request_hash"):
        assert secret not in text
    for table in ("consent", "consent_withdrawal", "loan", "loan_event", "decision", "journal", "posting",
                  "payment_request", "sms", "money_statement", "score_change", "approval", "suspense_item",
                  "sms_opt_out", "hold", "account", "balance"):  # fmt: skip
        assert made["tables"][table], table
    assert made["tables"]["mpesa_inbox"][0]["body"]["FirstName"] == NAME.split()[0]  # as JSON, to be read
    assert set(made["empty"]).isdisjoint(made["tables"])


async def test_the_command_writes_a_file_for_one_pair_of_eyes_and_notes_who_asked(
    phone: Phone, pg_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await life(phone)
    monkeypatch.setenv("DATABASE_URL", pg_url)
    monkeypatch.setenv("USSD_SECRET", SECRET.decode())
    settings.cache_clear()
    out = tmp_path / "all.json"

    def ussd(*arguments: str) -> Any:
        return CliRunner().invoke(cli.app, ["subject", *arguments])

    try:
        done = await asyncio.to_thread(
            ussd, "export", f"0{phone.msisdn[3:]}", "--out", str(out), "--by", "akinyi"
        )
        assert done.exit_code == 0, done.output
        stranger = await asyncio.to_thread(ussd, "export", "254799999999", "--out", str(out))
    finally:
        settings.cache_clear()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert json.loads(out.read_text())["about"] == phone.msisdn
    assert str(stranger.exception) == "2547***999 is nobody we know."
    row = await phone.pool.fetchrow("select kind, answered_by, answer from subject_request")
    assert (row["kind"], row["answered_by"]) == ("export", "akinyi")
    assert row["answer"].endswith(" rows")
