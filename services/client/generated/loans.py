"""Loans. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Literal

from services.client.caller import Caller, in_path
from services.client.generated import models


class Loans(Caller):
    """Loans."""

    async def quote_loan(self, *, borrower_id: int, amount_cents: int, purpose: str) -> models.LoanQuote:
        """What a loan would cost somebody who is on the phone."""
        return await self._for(
            models.LoanQuote,
            "GET",
            "/loans/quote",
            {"borrower_id": borrower_id, "amount_cents": amount_cents, "purpose": purpose},
        )

    async def apply_for_loan(
        self, body: models.NewLoan, *, idempotency_key: str | None = None
    ) -> models.Application:
        """Apply for somebody who is on the phone and has agreed to the price."""
        return await self._for(models.Application, "POST", "/loans", {}, body, key=self._key(idempotency_key))

    async def ask_to_pay(self, body: models.Prompt, *, idempotency_key: str | None = None) -> models.Prompted:
        """Have M-Pesa ask a borrower's own phone for a payment."""
        return await self._for(
            models.Prompted, "POST", "/loans/repay", {}, body, key=self._key(idempotency_key)
        )

    async def disburse_loan(self, loan_id: str, *, idempotency_key: str | None = None) -> models.Sending:
        """Send the money of an approved loan now that waits for the float or for a line."""
        return await self._for(
            models.Sending, "POST", f"/loans/{in_path(loan_id)}/disburse", {}, key=self._key(idempotency_key)
        )

    async def propose_write_off(
        self, loan_id: str, body: models.Proposed, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Propose to book all that is owed on a late loan as a loss."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/loans/{in_path(loan_id)}/write-off",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def propose_waiver(
        self, loan_id: str, body: models.ProposedWaiver, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Propose to let a borrower off some of the charges."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/loans/{in_path(loan_id)}/waive",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def propose_rollover(
        self, loan_id: str, body: models.ProposedRollover, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Propose more time for a loan, at the fee that its borrower was told."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/loans/{in_path(loan_id)}/rollover",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def propose_cancel(
        self, loan_id: str, body: models.Proposed, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Propose to give up a loan whose money was promised and not asked for yet."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/loans/{in_path(loan_id)}/cancel",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def list_loans(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[
            Literal[
                "applied",
                "approved",
                "rejected",
                "disbursing",
                "cancelled",
                "active",
                "failed",
                "repaid",
                "overdue",
                "non_performing",
                "written_off",
                "recovered",
            ]
        ]
        | None = None,
        product: Sequence[str] | None = None,
        user_id: int | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        applied_from: date | None = None,
        applied_to: date | None = None,
        due_from: date | None = None,
        due_to: date | None = None,
        days_late_min: int | None = None,
        days_late_max: int | None = None,
        sort: Literal["applied", "-applied", "amount", "-amount", "due", "-due"] | None = None,
    ) -> models.Loans:
        """List loans."""
        return await self._for(
            models.Loans,
            "GET",
            "/admin/loans",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "q": q,
                "status": status,
                "product": product,
                "user_id": user_id,
                "amount_min_cents": amount_min_cents,
                "amount_max_cents": amount_max_cents,
                "applied_from": applied_from,
                "applied_to": applied_to,
                "due_from": due_from,
                "due_to": due_to,
                "days_late_min": days_late_min,
                "days_late_max": days_late_max,
                "sort": sort,
            },
        )

    def export_loans(
        self,
        *,
        q: str | None = None,
        status: Sequence[
            Literal[
                "applied",
                "approved",
                "rejected",
                "disbursing",
                "cancelled",
                "active",
                "failed",
                "repaid",
                "overdue",
                "non_performing",
                "written_off",
                "recovered",
            ]
        ]
        | None = None,
        product: Sequence[str] | None = None,
        user_id: int | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        applied_from: date | None = None,
        applied_to: date | None = None,
        due_from: date | None = None,
        due_to: date | None = None,
        days_late_min: int | None = None,
        days_late_max: int | None = None,
        sort: Literal["applied", "-applied", "amount", "-amount", "due", "-due"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List loans: a file with all of it, as it comes."""
        return self._stream(
            "/admin/loans",
            {
                "q": q,
                "status": status,
                "product": product,
                "user_id": user_id,
                "amount_min_cents": amount_min_cents,
                "amount_max_cents": amount_max_cents,
                "applied_from": applied_from,
                "applied_to": applied_to,
                "due_from": due_from,
                "due_to": due_to,
                "days_late_min": days_late_min,
                "days_late_max": days_late_max,
                "sort": sort,
                "format": format,
            },
        )

    async def each_of_loans(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[
            Literal[
                "applied",
                "approved",
                "rejected",
                "disbursing",
                "cancelled",
                "active",
                "failed",
                "repaid",
                "overdue",
                "non_performing",
                "written_off",
                "recovered",
            ]
        ]
        | None = None,
        product: Sequence[str] | None = None,
        user_id: int | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        applied_from: date | None = None,
        applied_to: date | None = None,
        due_from: date | None = None,
        due_to: date | None = None,
        days_late_min: int | None = None,
        days_late_max: int | None = None,
        sort: Literal["applied", "-applied", "amount", "-amount", "due", "-due"] | None = None,
    ) -> AsyncIterator[models.Loan]:
        """List loans: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_loans(
                limit=limit,
                total=total,
                q=q,
                status=status,
                product=product,
                user_id=user_id,
                amount_min_cents=amount_min_cents,
                amount_max_cents=amount_max_cents,
                applied_from=applied_from,
                applied_to=applied_to,
                due_from=due_from,
                due_to=due_to,
                days_late_min=days_late_min,
                days_late_max=days_late_max,
                sort=sort,
                cursor=cursor,
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next

    async def get_loan(self, loan_id: str) -> models.LoanPage:
        """Show one loan, by its id or its reference."""
        return await self._for(models.LoanPage, "GET", f"/loans/{in_path(loan_id)}", {})

    async def get_schedule(self, loan_id: str) -> models.Schedule:
        """Show what is to be paid for a loan, and when."""
        return await self._for(models.Schedule, "GET", f"/loans/{in_path(loan_id)}/schedule", {})

    async def get_loan_statement(self, loan_id: str) -> models.LoanStatement:
        """Show every movement of a loan, with what is owed after each."""
        return await self._for(models.LoanStatement, "GET", f"/loans/{in_path(loan_id)}/statement", {})
