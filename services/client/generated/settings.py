"""Settings. Made by `python -m services.api.make_client`; not by hand."""

from services.client.caller import Caller, in_path
from services.client.generated import models


class Settings(Caller):
    """Settings."""

    async def list_settings(self) -> models.StaffSettings:
        """The settings that may be changed while the server runs."""
        return await self._for(models.StaffSettings, "GET", "/admin/settings", {})

    async def change_setting(
        self, name: str, body: models.NewValue, *, idempotency_key: str | None = None
    ) -> models.SettingChanged:
        """Change a setting. It counts in every process at once."""
        return await self._for(
            models.SettingChanged,
            "PUT",
            f"/admin/settings/{in_path(name)}",
            {},
            body,
            key=self._key(idempotency_key),
        )
