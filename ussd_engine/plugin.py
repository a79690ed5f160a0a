"""How a service (a lender, a survey, anything) plugs into the engine.

A distribution names its `Service` under the entry-point group `ussd_engine.services`; the engine loads
it by the service's name in service.yaml. So the engine imports no service.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

from ussd_engine.actions import Outcome, Registry

if TYPE_CHECKING:
    import asyncpg
    import typer
    from aiohttp import web

    from ussd_engine.bundles import Bundles
    from ussd_engine.observe.board import Board
    from ussd_engine.redis_clients import Client
    from ussd_engine.settings import Settings

GROUP = "ussd_engine.services"


@dataclass(slots=True)
class Runtime:
    """What a running server hands its services."""

    settings: "Settings"
    pg: "asyncpg.Pool | None"
    redis: "Client | None" = None
    bundles: "Bundles | None" = None
    board: "Board | None" = None


@dataclass(slots=True, frozen=True)
class FileProblem:
    """A fault in a service's own YAML file (products, scorecard). line and column count from 1."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""


@dataclass(slots=True, frozen=True)
class Health:
    """How a service is. problems: it cannot serve, by what is wrong; parts: each thing it works with, `ok`
    or in words what is away. Both go to /ready."""

    problems: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)


class Service(Protocol):
    """What the engine asks of a service. `services.app.service` is one; `PlainService` does nothing."""

    registry: Registry

    def load(self, sources: Mapping[str, str]) -> tuple[Any, list[FileProblem]]:
        """Read the service's own files of a bundle (path in the folder → text). The first value
        reaches its actions as `call.data`; problems are findings of `ussd check`."""

    async def start(self, runtime: Runtime) -> None:
        """Called in each process before it serves."""

    async def stop(self) -> None:
        """Called after the last turn."""

    async def profile(self, msisdn: str) -> dict[str, Any]:
        """The subscriber's profile (`subscriber.…` in menus), when Redis does not have it."""

    async def effects(self, gateway: str, session_id: str) -> list[tuple[Mapping[str, Any], Outcome]]:
        """What this session's effects came to, newest first: each call's checkpoint and its outcome."""

    async def health(self) -> Health:
        """Whether it can serve, and what is away; asked by /ready, often. Raises nothing."""

    def routes(self) -> "list[web.RouteDef]":
        """Routes of the service beside the gateway's."""

    def commands(self) -> "typer.Typer | None":
        """Commands to add to `ussd`, or None."""

    async def welcome(self, settings: "Settings") -> list[tuple[str, str]]:
        """What `ussd dev` says when all runs: (name, words), such as whom to log in as."""

    def processes(self) -> Mapping[str, list[str]]:
        """Processes `ussd dev` runs beside the web server: name → arguments of `ussd`."""


@dataclass
class PlainService:
    """A service that is menus only: no actions, no files, no routes."""

    registry: Registry = field(default_factory=Registry)

    def load(self, sources: Mapping[str, str]) -> tuple[Any, list[FileProblem]]:  # noqa: ARG002
        """Nothing of its own to read."""
        return None, []

    async def start(self, runtime: Runtime) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    async def profile(self, msisdn: str) -> dict[str, Any]:  # noqa: ARG002
        """Knows nobody."""
        return {}

    async def effects(
        self,
        gateway: str,  # noqa: ARG002
        session_id: str,  # noqa: ARG002
    ) -> list[tuple[Mapping[str, Any], Outcome]]:
        """Has none."""
        return []

    async def health(self) -> Health:
        """Needs nothing."""
        return Health()

    def routes(self) -> "list[web.RouteDef]":
        """None."""
        return []

    def commands(self) -> "typer.Typer | None":
        """None."""
        return None

    async def welcome(self, settings: "Settings") -> list[tuple[str, str]]:  # noqa: ARG002
        """Nothing."""
        return []

    def processes(self) -> Mapping[str, list[str]]:
        """None."""
        return {}


def installed_services() -> dict[str, Service]:
    """Every installed service by the name in its service.yaml."""
    return {point.name: point.load() for point in entry_points(group=GROUP)}


def service_named(name: str) -> Service:
    """The installed service of that name, or a PlainService."""
    for point in entry_points(group=GROUP, name=name):
        loaded: Service = point.load()
        return loaded
    return PlainService()
