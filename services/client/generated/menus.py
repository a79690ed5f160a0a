"""Menus. Made by `python -m services.api.make_client`; not by hand."""

from collections.abc import AsyncIterator
from typing import Literal

from services.client.caller import Caller, in_path
from services.client.generated import models


class Menus(Caller):
    """Menus."""

    async def list_menus(self, *, service: str | None = None) -> models.Menus:
        """The versions of a service, which one is live, how many dialogs are on each, and what is proposed."""
        return await self._for(models.Menus, "GET", "/admin/menus", {"service": service})

    def export_menus(
        self, *, service: str | None = None, format: Literal["csv", "xlsx"] = "csv"
    ) -> AsyncIterator[bytes]:
        """The versions of a service, which one is live, how many dialogs are on each, and what is proposed: a file with all of it, as it comes."""
        return self._stream("/admin/menus", {"service": service, "format": format})

    async def read_menus(self, version: str) -> models.MenuFiles:
        """The files of a version: one that was published, or one that is proposed."""
        return await self._for(models.MenuFiles, "GET", f"/admin/menus/{in_path(version)}", {})

    async def check_menus(self, body: models.MenuSources) -> models.MenuChecked:
        """Check content, and keep nothing of it: every fault with its file, line and column."""
        return await self._for(models.MenuChecked, "POST", "/admin/menus/check", {}, body)

    async def propose_menus(
        self, body: models.MenuProposal, *, idempotency_key: str | None = None
    ) -> models.MenuProposed:
        """Propose content to be published. It is checked first, and refused with what is wrong."""
        return await self._for(
            models.MenuProposed, "POST", "/admin/menus", {}, body, key=self._key(idempotency_key)
        )

    async def propose_rollback(
        self, body: models.MenuRollback, *, idempotency_key: str | None = None
    ) -> models.MenuProposed:
        """Propose to make an older version live again."""
        return await self._for(
            models.MenuProposed, "POST", "/admin/menus/rollback", {}, body, key=self._key(idempotency_key)
        )

    async def approve_menus(
        self, approval_id: int, body: models.Decision, *, idempotency_key: str | None = None
    ) -> models.MenuDecided:
        """Approve menus that somebody else proposed. A worker publishes them in a moment."""
        return await self._for(
            models.MenuDecided,
            "POST",
            f"/admin/menus/changes/{approval_id}/approve",
            {},
            body,
            key=self._key(idempotency_key),
        )

    async def reject_menus(
        self, approval_id: int, body: models.Decision, *, idempotency_key: str | None = None
    ) -> models.MenuDecided:
        """Reject menus that somebody else proposed."""
        return await self._for(
            models.MenuDecided,
            "POST",
            f"/admin/menus/changes/{approval_id}/reject",
            {},
            body,
            key=self._key(idempotency_key),
        )
