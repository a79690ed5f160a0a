"""Payouts. Made by `python -m services.api.make_client`; not by hand."""

from services.client.caller import Caller
from services.client.generated import models


class Payouts(Caller):
    """Payouts."""

    async def read_float(self) -> models.Float:
        """Say whether payouts wait, why and since when, and what the float was when M-Pesa told it last."""
        return await self._for(models.Float, "GET", "/admin/payouts/float", {})

    async def propose_payout_sent(
        self, payout_id: int, body: models.ProposedReceipt, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Say that the portal shows a payout that M-Pesa would not speak of, under this receipt."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/admin/payouts/{payout_id}/sent",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def propose_payout_not_sent(
        self, payout_id: int, body: models.Proposed, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Say that the portal shows no such payout, and never will."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/admin/payouts/{payout_id}/not-sent",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def pause_payouts(self, body: models.Pause, *, idempotency_key: str | None = None) -> models.Float:
        """Make all payouts wait, at once."""
        return await self._for(
            models.Float, "POST", "/admin/payouts/pause", {}, body, key=self._key(idempotency_key)
        )

    async def resume_payouts(self, body: models.Pause, *, idempotency_key: str | None = None) -> models.Float:
        """Let payouts go on that wait for a person or for the float."""
        return await self._for(
            models.Float, "POST", "/admin/payouts/resume", {}, body, key=self._key(idempotency_key)
        )
