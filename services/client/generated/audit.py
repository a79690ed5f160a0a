"""Audit. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Literal

from services.client.caller import Caller
from services.client.generated import models


class Audit(Caller):
    """Audit."""

    async def list_audit(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        who: str | None = None,
        operation: str | None = None,
        subject: str | None = None,
        at_from: date | None = None,
        at_to: date | None = None,
        sort: Literal["at", "-at"] | None = None,
    ) -> models.Audit:
        """List who changed what, and whose data was looked at."""
        return await self._for(
            models.Audit,
            "GET",
            "/admin/audit",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "who": who,
                "operation": operation,
                "subject": subject,
                "at_from": at_from,
                "at_to": at_to,
                "sort": sort,
            },
        )

    def export_audit(
        self,
        *,
        who: str | None = None,
        operation: str | None = None,
        subject: str | None = None,
        at_from: date | None = None,
        at_to: date | None = None,
        sort: Literal["at", "-at"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List who changed what, and whose data was looked at: a file with all of it, as it comes."""
        return self._stream(
            "/admin/audit",
            {
                "who": who,
                "operation": operation,
                "subject": subject,
                "at_from": at_from,
                "at_to": at_to,
                "sort": sort,
                "format": format,
            },
        )

    async def each_of_audit(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        who: str | None = None,
        operation: str | None = None,
        subject: str | None = None,
        at_from: date | None = None,
        at_to: date | None = None,
        sort: Literal["at", "-at"] | None = None,
    ) -> AsyncIterator[models.AuditRow]:
        """List who changed what, and whose data was looked at: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_audit(
                limit=limit,
                total=total,
                who=who,
                operation=operation,
                subject=subject,
                at_from=at_from,
                at_to=at_to,
                sort=sort,
                cursor=cursor,
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next
