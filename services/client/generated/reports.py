"""Reports. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Literal

from services.client.caller import Caller
from services.client.generated import models


class Reports(Caller):
    """Reports."""

    async def list_days(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        day_from: date | None = None,
        day_to: date | None = None,
        sort: Literal["day", "-day"] | None = None,
    ) -> models.BusinessDays:
        """List closed business days."""
        return await self._for(
            models.BusinessDays,
            "GET",
            "/admin/days",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "day_from": day_from,
                "day_to": day_to,
                "sort": sort,
            },
        )

    def export_days(
        self,
        *,
        day_from: date | None = None,
        day_to: date | None = None,
        sort: Literal["day", "-day"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List closed business days: a file with all of it, as it comes."""
        return self._stream(
            "/admin/days", {"day_from": day_from, "day_to": day_to, "sort": sort, "format": format}
        )

    async def each_of_days(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        day_from: date | None = None,
        day_to: date | None = None,
        sort: Literal["day", "-day"] | None = None,
    ) -> AsyncIterator[models.BusinessDay]:
        """List closed business days: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_days(
                limit=limit, total=total, day_from=day_from, day_to=day_to, sort=sort, cursor=cursor
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next
