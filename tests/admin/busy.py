"""A morning at the made-up lender, for pictures: what waits for people, who dials, what was written."""

import uuid
from datetime import timedelta
from typing import Any

import httpx

from services import clock
from services.ledger import suspense
from services.sms import bulk
from tests.admin.lender import Lender

WAIT = """
update payout
set state = 'unknown', manual_at = now() - interval '50 minutes', result_code = null, receipt = null
where id = any($1)
"""
LOANS = """
select loan.ref
from loan
join account on account.loan_id = loan.id and account.code like 'loan_fee:%'
join balance on balance.account_id = account.id
where loan.state = 'overdue'
and balance.balance_cents > 10000
order by loan.id desc
limit 3
"""
ARRIVED = """
update sms
set state = case when id % 17 = 0 then 'failed' else 'delivered' end, cost_cents = 80,
    words = 'Umoja: mkopo wako umechelewa. Lipa leo kwa Paybill 400222.',
    language = 'sw', parts = 1, settled_at = now(), sending_at = now(), attempts = 1, status_code = 101,
    provider_id = 'picture-' || id
where bulk_id = 1
or (bulk_id = 2 and id % 3 <> 0)
"""
WORDS = {
    "en": "Umoja: {name|first}, our office is closed on Friday. You can pay as always.",
    "sw": "Umoja: {name|first}, ofisi itafungwa Ijumaa. Unaweza kulipa kama kawaida.",
}


async def make_busy(lender: Lender) -> None:
    """All of it."""
    async with httpx.AsyncClient(base_url=f"{lender.url}/api/v1", timeout=30) as http:
        officer, product = await _login(http, lender, "officer"), await _login(http, lender, "product")
        await _propose(http, lender, officer)
        await _write_to_some(http, officer)
        await _menus(http, product)
        await _dial(http, lender)
        admin = await _login(http, lender, "admin")
        key = {"label": "nightly export", "scopes": ["loans:read", "reports:read"], "days": 30}
        await _post(http, admin, "/admin/keys", key)
    await _money(lender)
    await _arrive(lender)


async def _login(http: httpx.AsyncClient, lender: Lender, role: str) -> dict[str, str]:
    body = {"email": lender.email(role), "password": lender.password}
    answer = (await http.post("/auth/login", json=body)).json()
    return {"Authorization": f"Bearer {answer['access_token']}"}


async def _post(http: httpx.AsyncClient, who: dict[str, str], path: str, body: dict[str, Any]) -> Any:
    answer = await http.post(path, json=body, headers={**who, "Idempotency-Key": str(uuid.uuid4())})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def _propose(http: httpx.AsyncClient, lender: Lender, who: dict[str, str]) -> None:
    first, second, third = [row["ref"] for row in await lender.pool.fetch(LOANS)]
    hospital = {"amount_cents": 5_000, "reason": "Was in hospital; saw the letter"}
    prompt = {"amount_cents": 2_500, "reason": "The prompt did not come for two days"}
    await _post(http, who, f"/loans/{first}/waive", hospital)
    await _post(http, who, f"/loans/{second}/waive", prompt)
    await _post(http, who, f"/loans/{third}/write-off", {"reason": "Has died; the family called"})
    borrower = await lender.pool.fetchval("select id from borrower where registered_at is not null limit 1")
    await _post(
        http, who, f"/admin/users/{borrower}/reset-pin", {"reason": "Forgot it; called from her number"}
    )


async def _write_to_some(http: httpx.AsyncClient, who: dict[str, str]) -> None:
    base = {"kind": "service", "words": WORDS, "reason": "Closed on Friday"}
    await _post(http, who, "/notifications/bulk", {**base, "to": {"states": ["overdue"]}})
    reminder = {"kind": "service", "notice": "overdue", "reason": "The reminder of day 7 did not go out"}
    await _post(http, who, "/notifications/bulk", {**reminder, "to": {"days_past_due_from": 7}})
    await _post(http, who, "/notifications/bulk", {**base, "to": {}})


async def _menus(http: httpx.AsyncClient, who: dict[str, str]) -> None:
    live = (await http.get("/admin/menus", headers=who)).json()["live"]
    files = (await http.get(f"/admin/menus/{live}", headers=who)).json()["files"]
    sources = {file["path"]: file["text"] for file in files}
    sources["main.yaml"] = sources["main.yaml"].replace("Umoja Loans", "Umoja", 1)
    await _post(http, who, "/admin/menus", {"sources": sources, "note": "A shorter first line"})


async def _dial(http: httpx.AsyncClient, lender: Lender) -> None:
    people = await lender.pool.fetch(
        "select msisdn from borrower where registered_at is not null order by id desc limit 5"
    )
    for number, row in enumerate(people):
        text = ("", "1", "2", "3", "5")[number]
        for typed in ("", text) if text else ("",):
            await http.post("/ussd", data={
                "sessionId": f"ATUid_picture{number}", "phoneNumber": f"+{row['msisdn']}",
                "networkCode": "63902", "serviceCode": "*384*89598#", "text": typed,
            })  # fmt: skip


async def _money(lender: Lender) -> None:
    now = clock.now()
    async with lender.pool.acquire() as connection, connection.transaction():
        for number, (receipt, cents, typed) in enumerate(
            (("SKL5V7PC1A", 150_000, "school fees"), ("SKL5V7PC2B", 84_000, "U4K7"),
             ("SKL5V7PC3C", 590_000, "loan mary"))
        ):  # fmt: skip
            at = now - timedelta(hours=3 + 20 * number)
            await suspense.receive(connection, receipt, cents, f"payer{number}", typed, at)
    ids = await lender.pool.fetch("select id from payout where state = 'posted' order by id desc limit 2")
    async with lender.pool.acquire() as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(WAIT, [row["id"] for row in ids])


async def _arrive(lender: Lender) -> None:
    """The first message to many is sent, the second one half."""
    while await bulk.step(lender.pool, 1):
        pass
    await bulk.step(lender.pool, 2)
    async with lender.pool.acquire() as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(ARRIVED)
