"""Getting in. Made by `python -m services.api.make_client`; not by hand."""

from services.client.caller import Caller
from services.client.generated import models


class GettingIn(Caller):
    """Getting in."""

    async def login(self, body: models.Login) -> models.LoggedIn:
        """Log in with e-mail address and password."""
        return await self._for(models.LoggedIn, "POST", "/auth/login", {}, body)

    async def refresh(self, body: models.Refresh) -> models.LoggedIn:
        """Exchange a refresh token for two new tokens."""
        return await self._for(models.LoggedIn, "POST", "/auth/refresh", {}, body)

    async def logout(self) -> None:
        """End this login. Its tokens and its cookie are worth nothing from then on."""
        await self._ask("POST", "/auth/logout", {})

    async def me(self) -> models.Me:
        """Who you are, and what you may."""
        return await self._for(models.Me, "GET", "/auth/me", {})

    async def choose_password(self, body: models.NewPassword) -> None:
        """Choose a new password."""
        await self._ask("POST", "/auth/password", {}, body)
