"""Differences. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator
from typing import Literal

from services.client.caller import Caller
from services.client.generated import models


class Differences(Caller):
    """Differences."""

    async def list_differences(
        self,
        *,
        account: Literal["utility", "working", "charges"] | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> models.Differences:
        """List what reconciliation found and nobody has explained yet."""
        return await self._for(
            models.Differences,
            "GET",
            "/admin/differences",
            {"account": account, "after": after, "limit": limit},
        )

    def export_differences(
        self,
        *,
        account: Literal["utility", "working", "charges"] | None = None,
        after: int | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List what reconciliation found and nobody has explained yet: a file with all of it, as it comes."""
        return self._stream("/admin/differences", {"account": account, "after": after, "format": format})

    async def each_of_differences(
        self, *, account: Literal["utility", "working", "charges"] | None = None, limit: int | None = None
    ) -> AsyncIterator[models.Difference]:
        """List what reconciliation found and nobody has explained yet: every one, page after page."""
        after: int = 0
        while True:
            page = await self.list_differences(account=account, limit=limit, after=after)
            for row in page.items:
                yield row
            if page.next_after is None:
                return
            after = page.next_after

    async def resolve_difference(
        self, difference_id: int, body: models.Proposed, *, idempotency_key: str | None = None
    ) -> models.Resolved:
        """Say why nothing is to be booked. The difference is closed for good."""
        return await self._for(
            models.Resolved,
            "POST",
            f"/admin/differences/{difference_id}/resolve",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def propose_booking(
        self, difference_id: int, body: models.ProposedBooking, *, idempotency_key: str | None = None
    ) -> models.Proposal:
        """Propose how to book a difference. It is booked, and closed, when somebody else approves."""
        return await self._for(
            models.Proposal,
            "POST",
            f"/admin/differences/{difference_id}/book",
            {},
            body,
            key=self._key(idempotency_key),
        )
