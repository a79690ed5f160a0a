"""The lender beside the sandbox, and the statement that M-Pesa's portal would export."""

from pathlib import Path
from typing import Any

import pytest

from services.loans import approvals
from services.reconciliation import breaks, report, running
from services.reconciliation.lines import Account
from services.sandbox import statement
from tests.mpesa import conftest as mpesa
from tests.mpesa.conftest import Till
from tests.services.world import Phone

pool, terms, till = mpesa.pool, mpesa.terms, mpesa.till  # fixtures

OLD = running.OLD * 0  # what is only ours is missing there at once


class Portal:
    """Exports statements of the sandbox, and reconciles them."""

    def __init__(self, till: Till, folder: Path) -> None:
        self.till = till
        self.folder = folder

    def text(self, account: Account = "working") -> str:
        return statement.statement(self.till.sandbox.box, account, None, None)

    def file(self, text: str, name: str = "statement.csv") -> Path:
        path = self.folder / name
        path.write_bytes(text.encode())
        return path

    def shortcode(self, account: Account) -> str:
        settings = self.till.sandbox.settings
        return settings.paybill if account == "working" else settings.payout_shortcode

    async def reconcile(self, text: str | None = None, account: Account = "working", **more: Any) -> Any:
        """Reconcile an export, or what it was made into; the run's report."""
        file = self.file(self.text(account) if text is None else text)
        async with self.till.pool.acquire() as connection:
            number = await running.of_statement(
                connection, file, self.shortcode(account), "test", **{"old": OLD, **more}
            )
            return await report.run(connection, number)

    async def waiting(self) -> list[dict[str, Any]]:
        async with self.till.pool.acquire() as connection:
            return await breaks.waiting(connection)

    async def book(self, how: str, payout_id: int | None = None) -> None:
        """Two people book the only open difference."""
        (found,) = await self.waiting()
        async with self.till.pool.acquire() as connection, connection.transaction():
            number = await breaks.propose(connection, found["id"], how, "akinyi", "a test", payout_id)
            await approvals.approve(connection, number, "baraka")


@pytest.fixture
def portal(till: Till, tmp_path: Path) -> Portal:
    return Portal(till, tmp_path)


async def lent_and_rich(till: Till) -> tuple[Phone, str]:
    """Somebody with a loan, and with the money to pay it back."""
    phone = await till.phone()
    ref = await till.lent(phone)
    till.sandbox.set_balance(phone.msisdn, 5_000_000)
    return phone, ref
