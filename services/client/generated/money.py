"""Money. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Literal

from services.client.caller import Caller
from services.client.generated import models


class Money(Caller):
    """Money."""

    async def list_wallets(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        owes: bool | None = None,
        joined_from: date | None = None,
        joined_to: date | None = None,
        sort: Literal["joined", "-joined", "name", "-name"] | None = None,
    ) -> models.Wallets:
        """List wallets."""
        return await self._for(
            models.Wallets,
            "GET",
            "/admin/wallets",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "q": q,
                "owes": owes,
                "joined_from": joined_from,
                "joined_to": joined_to,
                "sort": sort,
            },
        )

    def export_wallets(
        self,
        *,
        q: str | None = None,
        owes: bool | None = None,
        joined_from: date | None = None,
        joined_to: date | None = None,
        sort: Literal["joined", "-joined", "name", "-name"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List wallets: a file with all of it, as it comes."""
        return self._stream(
            "/admin/wallets",
            {
                "q": q,
                "owes": owes,
                "joined_from": joined_from,
                "joined_to": joined_to,
                "sort": sort,
                "format": format,
            },
        )

    async def each_of_wallets(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        owes: bool | None = None,
        joined_from: date | None = None,
        joined_to: date | None = None,
        sort: Literal["joined", "-joined", "name", "-name"] | None = None,
    ) -> AsyncIterator[models.Wallet]:
        """List wallets: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_wallets(
                limit=limit,
                total=total,
                q=q,
                owes=owes,
                joined_from=joined_from,
                joined_to=joined_to,
                sort=sort,
                cursor=cursor,
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next

    async def list_transactions(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        kind: Sequence[str] | None = None,
        user_id: int | None = None,
        loan_id: int | None = None,
        on_from: date | None = None,
        on_to: date | None = None,
        sort: Literal["on", "-on"] | None = None,
    ) -> models.Transactions:
        """List transactions."""
        return await self._for(
            models.Transactions,
            "GET",
            "/admin/transactions",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "q": q,
                "kind": kind,
                "user_id": user_id,
                "loan_id": loan_id,
                "on_from": on_from,
                "on_to": on_to,
                "sort": sort,
            },
        )

    def export_transactions(
        self,
        *,
        q: str | None = None,
        kind: Sequence[str] | None = None,
        user_id: int | None = None,
        loan_id: int | None = None,
        on_from: date | None = None,
        on_to: date | None = None,
        sort: Literal["on", "-on"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List transactions: a file with all of it, as it comes."""
        return self._stream(
            "/admin/transactions",
            {
                "q": q,
                "kind": kind,
                "user_id": user_id,
                "loan_id": loan_id,
                "on_from": on_from,
                "on_to": on_to,
                "sort": sort,
                "format": format,
            },
        )

    async def each_of_transactions(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        kind: Sequence[str] | None = None,
        user_id: int | None = None,
        loan_id: int | None = None,
        on_from: date | None = None,
        on_to: date | None = None,
        sort: Literal["on", "-on"] | None = None,
    ) -> AsyncIterator[models.Transaction]:
        """List transactions: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_transactions(
                limit=limit,
                total=total,
                q=q,
                kind=kind,
                user_id=user_id,
                loan_id=loan_id,
                on_from=on_from,
                on_to=on_to,
                sort=sort,
                cursor=cursor,
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next

    async def list_payouts(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[Literal["ready", "submitting", "submitted", "unknown", "posted", "voided", "failed"]]
        | None = None,
        waits_for_person: Literal[True] | None = None,
        user_id: int | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        created_from: date | None = None,
        created_to: date | None = None,
        sort: Literal["created", "-created", "amount", "-amount"] | None = None,
    ) -> models.Payouts:
        """List payouts."""
        return await self._for(
            models.Payouts,
            "GET",
            "/admin/payouts",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "q": q,
                "status": status,
                "waits_for_person": waits_for_person,
                "user_id": user_id,
                "amount_min_cents": amount_min_cents,
                "amount_max_cents": amount_max_cents,
                "created_from": created_from,
                "created_to": created_to,
                "sort": sort,
            },
        )

    def export_payouts(
        self,
        *,
        q: str | None = None,
        status: Sequence[Literal["ready", "submitting", "submitted", "unknown", "posted", "voided", "failed"]]
        | None = None,
        waits_for_person: Literal[True] | None = None,
        user_id: int | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        created_from: date | None = None,
        created_to: date | None = None,
        sort: Literal["created", "-created", "amount", "-amount"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List payouts: a file with all of it, as it comes."""
        return self._stream(
            "/admin/payouts",
            {
                "q": q,
                "status": status,
                "waits_for_person": waits_for_person,
                "user_id": user_id,
                "amount_min_cents": amount_min_cents,
                "amount_max_cents": amount_max_cents,
                "created_from": created_from,
                "created_to": created_to,
                "sort": sort,
                "format": format,
            },
        )

    async def each_of_payouts(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[Literal["ready", "submitting", "submitted", "unknown", "posted", "voided", "failed"]]
        | None = None,
        waits_for_person: Literal[True] | None = None,
        user_id: int | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        created_from: date | None = None,
        created_to: date | None = None,
        sort: Literal["created", "-created", "amount", "-amount"] | None = None,
    ) -> AsyncIterator[models.Payout]:
        """List payouts: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_payouts(
                limit=limit,
                total=total,
                q=q,
                status=status,
                waits_for_person=waits_for_person,
                user_id=user_id,
                amount_min_cents=amount_min_cents,
                amount_max_cents=amount_max_cents,
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

    async def list_suspense(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        skip: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[Literal["open", "matched", "returned"]] | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        received_from: date | None = None,
        received_to: date | None = None,
        sort: Literal["received", "-received", "amount", "-amount"] | None = None,
    ) -> models.Suspense:
        """List money that nobody was known for."""
        return await self._for(
            models.Suspense,
            "GET",
            "/admin/suspense",
            {
                "cursor": cursor,
                "limit": limit,
                "skip": skip,
                "total": total,
                "q": q,
                "status": status,
                "amount_min_cents": amount_min_cents,
                "amount_max_cents": amount_max_cents,
                "received_from": received_from,
                "received_to": received_to,
                "sort": sort,
            },
        )

    def export_suspense(
        self,
        *,
        q: str | None = None,
        status: Sequence[Literal["open", "matched", "returned"]] | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        received_from: date | None = None,
        received_to: date | None = None,
        sort: Literal["received", "-received", "amount", "-amount"] | None = None,
        format: Literal["csv", "xlsx"] = "csv",
    ) -> AsyncIterator[bytes]:
        """List money that nobody was known for: a file with all of it, as it comes."""
        return self._stream(
            "/admin/suspense",
            {
                "q": q,
                "status": status,
                "amount_min_cents": amount_min_cents,
                "amount_max_cents": amount_max_cents,
                "received_from": received_from,
                "received_to": received_to,
                "sort": sort,
                "format": format,
            },
        )

    async def each_of_suspense(
        self,
        *,
        limit: int | None = None,
        total: bool | None = None,
        q: str | None = None,
        status: Sequence[Literal["open", "matched", "returned"]] | None = None,
        amount_min_cents: int | None = None,
        amount_max_cents: int | None = None,
        received_from: date | None = None,
        received_to: date | None = None,
        sort: Literal["received", "-received", "amount", "-amount"] | None = None,
    ) -> AsyncIterator[models.SuspenseItem]:
        """List money that nobody was known for: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_suspense(
                limit=limit,
                total=total,
                q=q,
                status=status,
                amount_min_cents=amount_min_cents,
                amount_max_cents=amount_max_cents,
                received_from=received_from,
                received_to=received_to,
                sort=sort,
                cursor=cursor,
            )
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next
