"""Staff. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator
from typing import Literal

from services.client.caller import Caller
from services.client.generated import models


class Staff(Caller):
    """Staff."""

    async def list_staff(self, *, after: int | None = None, limit: int | None = None) -> models.People:
        """The people of the staff, the oldest first."""
        return await self._for(models.People, "GET", "/admin/staff", {"after": after, "limit": limit})

    def export_staff(
        self, *, after: int | None = None, format: Literal["csv", "xlsx"] = "csv"
    ) -> AsyncIterator[bytes]:
        """The people of the staff, the oldest first: a file with all of it, as it comes."""
        return self._stream("/admin/staff", {"after": after, "format": format})

    async def each_of_staff(self, *, limit: int | None = None) -> AsyncIterator[models.StaffPerson]:
        """The people of the staff, the oldest first: every one, page after page."""
        after: int = 0
        while True:
            page = await self.list_staff(limit=limit, after=after)
            for row in page.items:
                yield row
            if page.next_after is None:
                return
            after = page.next_after

    async def add_person(
        self, body: models.NewPerson, *, idempotency_key: str | None = None
    ) -> models.PersonWithPassword:
        """Let somebody in."""
        return await self._for(
            models.PersonWithPassword, "POST", "/admin/staff", {}, body, key=self._key(idempotency_key)
        )

    async def change_person(
        self, staff_id: int, body: models.PersonChange, *, idempotency_key: str | None = None
    ) -> models.PersonWithPassword:
        """Change somebody's role, disable them or let them in again, or set their password anew."""
        return await self._for(
            models.PersonWithPassword,
            "PATCH",
            f"/admin/staff/{staff_id}",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def list_keys(self, *, after: int | None = None, limit: int | None = None) -> models.Keys:
        """The API keys, the oldest first."""
        return await self._for(models.Keys, "GET", "/admin/keys", {"after": after, "limit": limit})

    def export_keys(
        self, *, after: int | None = None, format: Literal["csv", "xlsx"] = "csv"
    ) -> AsyncIterator[bytes]:
        """The API keys, the oldest first: a file with all of it, as it comes."""
        return self._stream("/admin/keys", {"after": after, "format": format})

    async def each_of_keys(self, *, limit: int | None = None) -> AsyncIterator[models.Key]:
        """The API keys, the oldest first: every one, page after page."""
        after: int = 0
        while True:
            page = await self.list_keys(limit=limit, after=after)
            for row in page.items:
                yield row
            if page.next_after is None:
                return
            after = page.next_after

    async def add_key(
        self, body: models.NewKey, *, idempotency_key: str | None = None
    ) -> models.KeyWithSecret:
        """Make a key for a machine."""
        return await self._for(
            models.KeyWithSecret, "POST", "/admin/keys", {}, body, key=self._key(idempotency_key)
        )

    async def revoke_key(self, key_id: int, *, idempotency_key: str | None = None) -> models.Key:
        """Revoke a key."""
        return await self._for(
            models.Key, "DELETE", f"/admin/keys/{key_id}", {}, key=self._key(idempotency_key)
        )
