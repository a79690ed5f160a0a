"""Borrowers. Made by `python -m services.api.make_client`; not by hand."""

from services.client.caller import Caller
from services.client.generated import models


class Borrowers(Caller):
    """Borrowers."""

    async def blacklist_borrower(
        self, borrower_id: int, body: models.Because, *, idempotency_key: str | None = None
    ) -> models.BorrowerState:
        """Lend nothing more to somebody, from now on."""
        return await self._for(
            models.BorrowerState,
            "POST",
            f"/admin/users/{borrower_id}/blacklist",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def unblock_borrower(
        self, borrower_id: int, body: models.Because, *, idempotency_key: str | None = None
    ) -> models.BorrowerState:
        """Let somebody borrow again. Not by whoever listed them."""
        return await self._for(
            models.BorrowerState,
            "POST",
            f"/admin/users/{borrower_id}/unblock",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def set_language(
        self, borrower_id: int, body: models.NewLanguage, *, idempotency_key: str | None = None
    ) -> models.BorrowerState:
        """Speak another language with somebody, in menus and messages."""
        return await self._for(
            models.BorrowerState,
            "POST",
            f"/admin/users/{borrower_id}/language",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def propose_pin_reset(
        self, borrower_id: int, body: models.Proposed, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Propose that somebody who forgot their PIN may choose a new one."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/admin/users/{borrower_id}/reset-pin",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def propose_refund(
        self, borrower_id: int, body: models.ProposedRefund, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Propose to send credit back to its borrower, to their own number."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/admin/users/{borrower_id}/refund",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def set_own_numbers(
        self, staff_id: int, body: models.OwnNumbers, *, idempotency_key: str | None = None
    ) -> models.KeptNumbers:
        """Say by which phone numbers somebody of the staff borrows."""
        return await self._for(
            models.KeptNumbers,
            "PUT",
            f"/admin/staff/{staff_id}/numbers",
            {},
            body,
            key=self._key(idempotency_key),
        )
