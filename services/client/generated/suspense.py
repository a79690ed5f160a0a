"""Suspense. Made by `python -m services.api.make_client`; not by hand."""

from services.client.caller import Caller, in_path
from services.client.generated import models


class Suspense(Caller):
    """Suspense."""

    async def propose_match(
        self, receipt: str, body: models.ProposedMatch, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Propose that a payment in suspense was for this loan."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/admin/suspense/{in_path(receipt)}/match",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def propose_return(
        self, receipt: str, body: models.Proposed, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Propose to send a payment in suspense back to whoever made it."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/admin/suspense/{in_path(receipt)}/return",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def propose_undo(
        self, receipt: str, body: models.Proposed, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Propose to take a payment off the loan that it was booked for."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/admin/payments/{in_path(receipt)}/undo",
            {},
            body,
            key=self._key(idempotency_key),
        )
