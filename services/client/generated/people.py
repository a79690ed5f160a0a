"""People. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Literal

from services.client.caller import Caller
from services.client.generated import models


class People(Caller):
    """People."""

    async def list_users(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[Literal["registered", "joining", "blacklisted"]] | None = None,
        language: Literal["en", "sw"] | None = None,
        joined_from: date | None = None,
        joined_to: date | None = None,
        has_loan: bool | None = None,
        sort: Literal["joined", "-joined", "name", "-name"] | None = None,
    ) -> models.Users:
        """List people."""
        return await self._for(
            models.Users,
            "GET",
            "/admin/users",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "q": q,
                "status": status,
                "language": language,
                "joined_from": joined_from,
                "joined_to": joined_to,
                "has_loan": has_loan,
                "sort": sort,
            },
        )

    def export_users(
        self,
        *,
        q: str | None = None,
        status: Sequence[Literal["registered", "joining", "blacklisted"]] | None = None,
        language: Literal["en", "sw"] | None = None,
        joined_from: date | None = None,
        joined_to: date | None = None,
        has_loan: bool | None = None,
        sort: Literal["joined", "-joined", "name", "-name"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List people: a file with all of it, as it comes."""
        return self._stream(
            "/admin/users",
            {
                "q": q,
                "status": status,
                "language": language,
                "joined_from": joined_from,
                "joined_to": joined_to,
                "has_loan": has_loan,
                "sort": sort,
                "format": format,
            },
        )

    async def each_of_users(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[Literal["registered", "joining", "blacklisted"]] | None = None,
        language: Literal["en", "sw"] | None = None,
        joined_from: date | None = None,
        joined_to: date | None = None,
        has_loan: bool | None = None,
        sort: Literal["joined", "-joined", "name", "-name"] | None = None,
    ) -> AsyncIterator[models.User]:
        """List people: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_users(
                limit=limit,
                total=total,
                q=q,
                status=status,
                language=language,
                joined_from=joined_from,
                joined_to=joined_to,
                has_loan=has_loan,
                sort=sort,
                cursor=cursor,
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next

    async def get_user(self, user_id: int) -> models.PersonPerson:
        """Show one person."""
        return await self._for(models.PersonPerson, "GET", f"/admin/users/{user_id}", {})

    async def reveal_user(self, user_id: int, *, idempotency_key: str | None = None) -> models.Revealed:
        """Show a whole phone number and national id."""
        return await self._for(
            models.Revealed, "POST", f"/admin/users/{user_id}/reveal", {}, key=self._key(idempotency_key)
        )

    async def get_user_timeline(
        self, user_id: int, *, cursor: str | None = None, limit: int | None = None
    ) -> models.Timeline:
        """Show what happened with one person, the latest first."""
        return await self._for(
            models.Timeline, "GET", f"/admin/users/{user_id}/timeline", {"cursor": cursor, "limit": limit}
        )

    async def each_of_user_timeline(
        self, user_id: int, *, limit: int | None = None
    ) -> AsyncIterator[models.Happened]:
        """Show what happened with one person, the latest first: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.get_user_timeline(user_id, limit=limit, cursor=cursor)
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next

    async def list_loans_of_user(
        self,
        user_id: int,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        format: Literal["json", "csv", "xlsx"] | None = None,
        q: str | None = None,
        status: Sequence[
            Literal[
                "applied",
                "approved",
                "rejected",
                "disbursing",
                "cancelled",
                "active",
                "failed",
                "repaid",
                "overdue",
                "non_performing",
                "written_off",
                "recovered",
            ]
        ]
        | None = None,
        product: Sequence[str] | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        applied_from: date | None = None,
        applied_to: date | None = None,
        due_from: date | None = None,
        due_to: date | None = None,
        days_late_min: int | None = None,
        days_late_max: int | None = None,
        sort: Literal["applied", "-applied", "amount", "-amount", "due", "-due"] | None = None,
    ) -> models.Loans:
        """List one person's loans."""
        return await self._for(
            models.Loans,
            "GET",
            f"/loans/user/{user_id}",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "format": format,
                "q": q,
                "status": status,
                "product": product,
                "amount_min_cents": amount_min_cents,
                "amount_max_cents": amount_max_cents,
                "applied_from": applied_from,
                "applied_to": applied_to,
                "due_from": due_from,
                "due_to": due_to,
                "days_late_min": days_late_min,
                "days_late_max": days_late_max,
                "sort": sort,
            },
        )

    async def each_of_loans_of_user(
        self,
        user_id: int,
        *,
        limit: int | None = None,
        total: bool | None = None,
        format: Literal["json", "csv", "xlsx"] | None = None,
        q: str | None = None,
        status: Sequence[
            Literal[
                "applied",
                "approved",
                "rejected",
                "disbursing",
                "cancelled",
                "active",
                "failed",
                "repaid",
                "overdue",
                "non_performing",
                "written_off",
                "recovered",
            ]
        ]
        | None = None,
        product: Sequence[str] | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        applied_from: date | None = None,
        applied_to: date | None = None,
        due_from: date | None = None,
        due_to: date | None = None,
        days_late_min: int | None = None,
        days_late_max: int | None = None,
        sort: Literal["applied", "-applied", "amount", "-amount", "due", "-due"] | None = None,
    ) -> AsyncIterator[models.Loan]:
        """List one person's loans: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_loans_of_user(
                user_id,
                limit=limit,
                total=total,
                format=format,
                q=q,
                status=status,
                product=product,
                amount_min_cents=amount_min_cents,
                amount_max_cents=amount_max_cents,
                applied_from=applied_from,
                applied_to=applied_to,
                due_from=due_from,
                due_to=due_to,
                days_late_min=days_late_min,
                days_late_max=days_late_max,
                sort=sort,
                cursor=cursor,
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next
