"""Reports. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Literal

from services.client.caller import Caller, in_path
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

    async def list_reports(self) -> models.ReportCatalog:
        """List the reports that can be made, and what each is asked."""
        return await self._for(models.ReportCatalog, "GET", "/reports", {})

    async def list_report_runs(
        self, *, name: str | None = None, after: int | None = None, limit: int | None = None
    ) -> models.ReportRuns:
        """List the reports that were made."""
        return await self._for(
            models.ReportRuns, "GET", "/reports/runs", {"name": name, "after": after, "limit": limit}
        )

    async def each_of_report_runs(
        self, *, name: str | None = None, limit: int | None = None
    ) -> AsyncIterator[models.ReportRun]:
        """List the reports that were made: every one, page after page."""
        after: int = 0
        while True:
            page = await self.list_report_runs(name=name, limit=limit, after=after)
            for row in page.items:
                yield row
            if page.next_after is None:
                return
            after = page.next_after

    def export_report_file(self, run_id: int) -> AsyncIterator[bytes]:
        """Fetch the file of a report that was made on schedule."""
        return self._stream(f"/reports/runs/{run_id}/file", {})

    async def get_reconciliation_run(
        self,
        run_id: int,
        *,
        outcome: Literal["matched", "ours_only", "theirs_only", "amount_differs", "date_differs", "reversed"]
        | None = None,
    ) -> models.ReconciliationRun:
        """Show what one reconciliation found, and its items of one outcome."""
        return await self._for(
            models.ReconciliationRun, "GET", f"/reports/reconciliation/{run_id}", {"outcome": outcome}
        )

    async def run_report(
        self,
        name: str,
        *,
        from_: date | None = None,
        to: date | None = None,
        as_of: date | None = None,
        by: Literal["day", "month"] | None = None,
    ) -> models.ReportMade:
        """Make a report as of a day or of a period."""
        return await self._for(
            models.ReportMade,
            "GET",
            f"/reports/{in_path(name)}",
            {"from": from_, "to": to, "as_of": as_of, "by": by},
        )

    def export_report(
        self,
        name: str,
        *,
        from_: date | None = None,
        to: date | None = None,
        as_of: date | None = None,
        by: Literal["day", "month"] | None = None,
        format: Literal["csv", "xlsx", "pdf"] = "csv",
    ) -> AsyncIterator[bytes]:
        """Make a report as of a day or of a period: a file with all of it, as it comes."""
        return self._stream(
            f"/reports/{in_path(name)}", {"from": from_, "to": to, "as_of": as_of, "by": by, "format": format}
        )
