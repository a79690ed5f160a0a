"""What the tests of changes share: loans, keys, and what the audit says."""

import itertools
from typing import Any

import httpx
import orjson

from services.ledger import accounts, treasury
from tests.api.conftest import Api
from tests.services import world

FUNDED = 100_000_000
WHY = {"reason": "She called from her own number"}
_keys = itertools.count(1)


def key() -> dict[str, str]:
    """A new Idempotency-Key."""
    return {"Idempotency-Key": f"test-{next(_keys)}"}


async def fund(api: Api) -> None:
    """There is money to lend."""
    async with api.pool.acquire() as connection, connection.transaction():
        await treasury.fund(connection, "test", FUNDED, accounts.MPESA_UTILITY)


async def joined(api: Api) -> tuple[world.Phone, int]:
    """Somebody who has joined, and their number here."""
    phone = await api.phone().join()
    return phone, await api.pool.fetchval("select id from borrower where msisdn = $1", phone.msisdn)


async def applied(
    api: Api, borrower_id: int, amount: int = 500_000, role: str = "officer", total: int | None = None
) -> httpx.Response:
    """An application through an officer: the quote, and its total said back."""
    asked = {"borrower_id": borrower_id, "amount_cents": amount, "purpose": "business"}
    quote = (await api.as_(role).get("/loans/quote", params=asked)).json()
    said = total if total is not None else (quote["price"] or {"total_cents": 590_000})["total_cents"]
    return await api.as_(role).post("/loans", json={**asked, "total_cents": said}, headers=key())


async def proposal(answer: httpx.Response) -> int:
    """The number of the proposal that was just made."""
    assert answer.status_code == 200, answer.text
    number: int = answer.json()["approval_id"]
    return number


async def decide(api: Api, number: int, verdict: str = "approve", role: str = "approver") -> httpx.Response:
    """Somebody decides."""
    return await api.as_(role).post(
        f"/admin/approvals/{number}/{verdict}", json={"note": "looked at"}, headers=key()
    )


async def change(api: Api, operation: str, subject: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The audit's last row of that operation about that subject: before, after, who."""
    row = next(each for each in reversed(await api.audit(operation)) if each["subject"] == subject)
    return orjson.loads(row["before"]), orjson.loads(row["after"]), row["who"]


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Its status and kind."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")
