"""Umoja Loans as the engine sees it: the parts put together, under the entry point `umoja`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services import documents, failpoints, once
from services.actions import lender, registry
from services.borrowers import people
from services.loans import terms
from services.mpesa.settings import read as read_mpesa
from services.sms import texts
from ussd_engine.actions import Outcome, Registry
from ussd_engine.errors import SettingsError
from ussd_engine.plugin import FileProblem, Health, Runtime, Service

if TYPE_CHECKING:
    import typer
    from aiohttp import web

    from services.api.desk import Desk as StaffDesk
    from services.monitoring.page import Page
    from services.monitoring.readiness import Readiness
    from services.mpesa import callbacks
    from services.sms import callbacks as sms_callbacks
    from ussd_engine.settings import Settings


class Umoja:
    """The lender."""

    registry: Registry = registry
    _desk: "callbacks.Desk | None" = None
    _sms_desk: "sms_callbacks.Desk | None" = None
    _staff_desk: "StaffDesk | None" = None
    _page: "Page | None" = None
    _readiness: "Readiness | None" = None

    def load(self, sources: Mapping[str, str]) -> tuple[Any, list[FileProblem]]:
        """The products and the scorecard of a menu folder; the words of its messages are checked."""
        found, problems = terms.read(sources)
        _, wrong = texts.read(sources, documents.menus(sources))
        return (None if wrong else found), [*problems, *wrong]

    async def start(self, runtime: Runtime) -> None:
        """Take the process's database pool and the secret that PINs are peppered with."""
        if runtime.pg is None:
            raise SettingsError("Umoja Loans needs PostgreSQL. Set DATABASE_URL.")
        from services.api import app as api  # these load aiohttp, which only a server needs
        from services.mpesa import callbacks
        from services.sms import callbacks as sms_callbacks

        failpoints.require_none()
        self._desk = callbacks.Desk(runtime.settings, read_mpesa(runtime.settings), runtime.pg)
        self._sms_desk = sms_callbacks.Desk(runtime.settings, runtime.pg)
        self._staff_desk = await api.open_desk(runtime)
        self._monitor(runtime, self._staff_desk)
        lender.pool = runtime.pg
        lender.secret = runtime.settings.secret.get_secret_value().encode()

    def _monitor(self, runtime: Runtime, desk: "StaffDesk") -> None:
        from services.monitoring.page import Page
        from services.monitoring.readiness import Readiness

        self._page = Page(desk.pool, runtime.redis)
        self._readiness = Readiness(desk, self._page)
        if runtime.board is not None:
            runtime.board.registry.register(self._page)
            runtime.board.before_page.append(self._page.sample)
            self._page.start()

    async def health(self) -> Health:
        """Whether it can serve, and what is away."""
        return Health() if self._readiness is None else await self._readiness.look()

    async def stop(self) -> None:
        """Let go of the pool; the engine closes it. The staff's side closes its own."""
        lender.pool = None
        self._desk = self._sms_desk = None
        if self._page is not None:
            await self._page.stop()
            self._page = self._readiness = None
        if self._staff_desk is not None:
            from services.api import app as api

            await api.close_desk(self._staff_desk)
            self._staff_desk = None

    async def profile(self, msisdn: str) -> dict[str, Any]:
        """What menus know of the subscriber."""
        async with lender.pool.acquire() as connection:
            return await people.profile(connection, msisdn)

    async def effects(self, gateway: str, session_id: str) -> list[tuple[Mapping[str, Any], Outcome]]:
        """What this session's effects came to, newest first."""
        return await once.effects_of(lender.pool, gateway, session_id)

    def routes(self) -> "list[web.RouteDef]":
        """Where M-Pesa and the SMS gateway call back, and what the staff ask for."""
        from services.admin import app as admin
        from services.api import app as api
        from services.mpesa import callbacks
        from services.sms import callbacks as sms_callbacks

        def desk() -> callbacks.Desk:
            assert self._desk is not None, "the service has not started"
            return self._desk

        def sms_desk() -> sms_callbacks.Desk:
            assert self._sms_desk is not None, "the service has not started"
            return self._sms_desk

        def staff_desk() -> "StaffDesk":
            assert self._staff_desk is not None, "the service has not started"
            return self._staff_desk

        return [
            *callbacks.routes(desk),
            *sms_callbacks.routes(sms_desk),
            *api.routes(staff_desk),
            *admin.routes(staff_desk),
        ]

    def commands(self) -> "typer.Typer | None":
        """`ussd ledger` and what else the lender adds."""
        from services.commands import app  # only `ussd` needs it

        return app

    async def welcome(self, settings: "Settings") -> list[tuple[str, str]]:
        """In development there is an admin to log in as, before anybody made one."""
        from services.api import terminal

        found = await terminal.first(settings, Path(os.environ["USSD_DATA"]))
        if found is None:
            return [("Staff", "log in as you did before, or see: ussd admin list")]
        return [("Staff", f"log in as {found[0]} with {found[1]}")]

    def processes(self) -> Mapping[str, list[str]]:
        """The stand-in for Safaricom, the outbox's relay, the Celery worker and its clock."""
        return {"sandbox": ["sandbox"], "relay": ["relay"], "worker": ["worker"], "beat": ["beat"]}


service: Service = Umoja()
