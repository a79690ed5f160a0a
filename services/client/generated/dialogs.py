"""Dialogs. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator
from typing import Literal

from services.client.caller import Caller
from services.client.generated import models


class Dialogs(Caller):
    """Dialogs."""

    async def list_sessions(self, *, cursor: str | None = None, limit: int | None = None) -> models.Sessions:
        """List live dialogs."""
        return await self._for(models.Sessions, "GET", "/admin/sessions", {"cursor": cursor, "limit": limit})

    def export_sessions(self, *, format: Literal["csv", "xlsx"] = "csv") -> AsyncIterator[bytes]:
        """List live dialogs: a file with all of it, as it comes."""
        return self._stream("/admin/sessions", {"format": format})

    async def each_of_sessions(self, *, limit: int | None = None) -> AsyncIterator[models.Session]:
        """List live dialogs: every one, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_sessions(limit=limit, cursor=cursor)
            for row in page.items:
                yield row
            if page.next is None:
                return
            cursor = page.next

    async def get_user_dialogs(self, user_id: int) -> models.Dialogs:
        """Say in which dialog somebody is just now, where in it, and for how long."""
        return await self._for(models.Dialogs, "GET", f"/admin/users/{user_id}/dialogs", {})
