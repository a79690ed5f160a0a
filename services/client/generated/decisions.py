"""Decisions. Made by `python -m services.api.make_client`; not by hand."""

from services.client.caller import Caller, in_path
from services.client.generated import models


class Decisions(Caller):
    """Decisions."""

    async def approve(
        self, approval_id: int, body: models.Decision, *, idempotency_key: str | None = None
    ) -> models.LoanModelsDecided:
        """Approve what somebody else proposed, of any kind."""
        return await self._for(
            models.LoanModelsDecided,
            "POST",
            f"/admin/approvals/{approval_id}/approve",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def reject(
        self, approval_id: int, body: models.Decision, *, idempotency_key: str | None = None
    ) -> models.LoanModelsDecided:
        """Reject what somebody else proposed, of any kind."""
        return await self._for(
            models.LoanModelsDecided,
            "POST",
            f"/admin/approvals/{approval_id}/reject",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def approve_loan(
        self, loan_id: str, body: models.Decision, *, idempotency_key: str | None = None
    ) -> models.LoanModelsDecided:
        """Approve a loan that waits for a person, and send its money."""
        return await self._for(
            models.LoanModelsDecided,
            "POST",
            f"/loans/{in_path(loan_id)}/approve",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def reject_loan(
        self, loan_id: str, body: models.Decision, *, idempotency_key: str | None = None
    ) -> models.LoanModelsDecided:
        """Reject a loan that waits for a person. Its borrower is told by SMS."""
        return await self._for(
            models.LoanModelsDecided,
            "POST",
            f"/loans/{in_path(loan_id)}/reject",
            {},
            body,
            key=self._key(idempotency_key),
        )
