"""Approvals. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Literal

from services.client.caller import Caller
from services.client.generated import models


class Approvals(Caller):
    """Approvals."""

    async def list_approvals(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[Literal["proposed", "approved", "rejected"]] | None = None,
        kind: Sequence[str] | None = None,
        user_id: int | None = None,
        proposed_by: str | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        proposed_from: date | None = None,
        proposed_to: date | None = None,
        sort: Literal["proposed", "-proposed"] | None = None,
    ) -> models.Approvals:
        """List what two people decide."""
        return await self._for(
            models.Approvals,
            "GET",
            "/admin/approvals",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "q": q,
                "status": status,
                "kind": kind,
                "user_id": user_id,
                "proposed_by": proposed_by,
                "amount_min_cents": amount_min_cents,
                "amount_max_cents": amount_max_cents,
                "proposed_from": proposed_from,
                "proposed_to": proposed_to,
                "sort": sort,
            },
        )

    def export_approvals(
        self,
        *,
        q: str | None = None,
        status: Sequence[Literal["proposed", "approved", "rejected"]] | None = None,
        kind: Sequence[str] | None = None,
        user_id: int | None = None,
        proposed_by: str | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        proposed_from: date | None = None,
        proposed_to: date | None = None,
        sort: Literal["proposed", "-proposed"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List what two people decide: a file with all of it, as it comes."""
        return self._stream(
            "/admin/approvals",
            {
                "q": q,
                "status": status,
                "kind": kind,
                "user_id": user_id,
                "proposed_by": proposed_by,
                "amount_min_cents": amount_min_cents,
                "amount_max_cents": amount_max_cents,
                "proposed_from": proposed_from,
                "proposed_to": proposed_to,
                "sort": sort,
                "format": format,
            },
        )

    async def each_of_approvals(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[Literal["proposed", "approved", "rejected"]] | None = None,
        kind: Sequence[str] | None = None,
        user_id: int | None = None,
        proposed_by: str | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        proposed_from: date | None = None,
        proposed_to: date | None = None,
        sort: Literal["proposed", "-proposed"] | None = None,
    ) -> AsyncIterator[models.Approval]:
        """List what two people decide: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_approvals(
                limit=limit,
                total=total,
                q=q,
                status=status,
                kind=kind,
                user_id=user_id,
                proposed_by=proposed_by,
                amount_min_cents=amount_min_cents,
                amount_max_cents=amount_max_cents,
                proposed_from=proposed_from,
                proposed_to=proposed_to,
                sort=sort,
                cursor=cursor,
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next
