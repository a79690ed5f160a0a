"""Messages. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Literal

from services.client.caller import Caller
from services.client.generated import models


class Messages(Caller):
    """Messages."""

    async def list_messages(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[
            Literal["queued", "sending", "accepted", "refused", "unknown", "delivered", "failed"]
        ]
        | None = None,
        notice: Sequence[str] | None = None,
        kind: Sequence[Literal["money", "service", "marketing"]] | None = None,
        user_id: int | None = None,
        created_from: date | None = None,
        created_to: date | None = None,
        sort: Literal["created", "-created"] | None = None,
    ) -> models.Messages:
        """List messages to people."""
        return await self._for(
            models.Messages,
            "GET",
            "/admin/messages",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "q": q,
                "status": status,
                "notice": notice,
                "kind": kind,
                "user_id": user_id,
                "created_from": created_from,
                "created_to": created_to,
                "sort": sort,
            },
        )

    def export_messages(
        self,
        *,
        q: str | None = None,
        status: Sequence[
            Literal["queued", "sending", "accepted", "refused", "unknown", "delivered", "failed"]
        ]
        | None = None,
        notice: Sequence[str] | None = None,
        kind: Sequence[Literal["money", "service", "marketing"]] | None = None,
        user_id: int | None = None,
        created_from: date | None = None,
        created_to: date | None = None,
        sort: Literal["created", "-created"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List messages to people: a file with all of it, as it comes."""
        return self._stream(
            "/admin/messages",
            {
                "q": q,
                "status": status,
                "notice": notice,
                "kind": kind,
                "user_id": user_id,
                "created_from": created_from,
                "created_to": created_to,
                "sort": sort,
                "format": format,
            },
        )

    async def each_of_messages(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[
            Literal["queued", "sending", "accepted", "refused", "unknown", "delivered", "failed"]
        ]
        | None = None,
        notice: Sequence[str] | None = None,
        kind: Sequence[Literal["money", "service", "marketing"]] | None = None,
        user_id: int | None = None,
        created_from: date | None = None,
        created_to: date | None = None,
        sort: Literal["created", "-created"] | None = None,
    ) -> AsyncIterator[models.Message]:
        """List messages to people: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_messages(
                limit=limit,
                total=total,
                q=q,
                status=status,
                notice=notice,
                kind=kind,
                user_id=user_id,
                created_from=created_from,
                created_to=created_to,
                sort=sort,
                cursor=cursor,
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next

    async def list_bulk_messages(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        status: Sequence[Literal["proposed", "rejected", "sending", "sent", "stopped"]] | None = None,
        kind: Sequence[Literal["service", "marketing"]] | None = None,
        asked_by: str | None = None,
        created_from: date | None = None,
        created_to: date | None = None,
        sort: Literal["created", "-created"] | None = None,
    ) -> models.Bulks:
        """List messages to many, and how far each has come."""
        return await self._for(
            models.Bulks,
            "GET",
            "/notifications/bulk",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "status": status,
                "kind": kind,
                "asked_by": asked_by,
                "created_from": created_from,
                "created_to": created_to,
                "sort": sort,
            },
        )

    def export_bulk_messages(
        self,
        *,
        status: Sequence[Literal["proposed", "rejected", "sending", "sent", "stopped"]] | None = None,
        kind: Sequence[Literal["service", "marketing"]] | None = None,
        asked_by: str | None = None,
        created_from: date | None = None,
        created_to: date | None = None,
        sort: Literal["created", "-created"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List messages to many, and how far each has come: a file with all of it, as it comes."""
        return self._stream(
            "/notifications/bulk",
            {
                "status": status,
                "kind": kind,
                "asked_by": asked_by,
                "created_from": created_from,
                "created_to": created_to,
                "sort": sort,
                "format": format,
            },
        )

    async def each_of_bulk_messages(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        status: Sequence[Literal["proposed", "rejected", "sending", "sent", "stopped"]] | None = None,
        kind: Sequence[Literal["service", "marketing"]] | None = None,
        asked_by: str | None = None,
        created_from: date | None = None,
        created_to: date | None = None,
        sort: Literal["created", "-created"] | None = None,
    ) -> AsyncIterator[models.BulkProgress]:
        """List messages to many, and how far each has come: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_bulk_messages(
                limit=limit,
                total=total,
                status=status,
                kind=kind,
                asked_by=asked_by,
                created_from=created_from,
                created_to=created_to,
                sort=sort,
                cursor=cursor,
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next

    async def send_bulk(self, body: models.NewBulk, *, idempotency_key: str | None = None) -> models.Bulk:
        """Send a message to all whom a filter fits, or count them and what it would cost (`dry_run`)."""
        return await self._for(
            models.Bulk, "POST", "/notifications/bulk", {}, body, key=self._key(idempotency_key)
        )

    async def read_bulk(self, bulk_id: int) -> models.BulkProgress:
        """How far a message to many has come, and what it has cost."""
        return await self._for(models.BulkProgress, "GET", f"/notifications/bulk/{bulk_id}", {})

    async def stop_bulk(self, bulk_id: int, *, idempotency_key: str | None = None) -> models.BulkProgress:
        """Send no more of a message to many. What left is not called back."""
        return await self._for(
            models.BulkProgress,
            "POST",
            f"/notifications/bulk/{bulk_id}/stop",
            {},
            key=self._key(idempotency_key),
        )
