"""Every metric of one process, by name. `/metrics` shows them in the Prometheus text format.

Whoever counts often binds its cell once and keeps it:

    more = board.turns.labels("africastalking", "more")
    ...
    more.inc()
"""

import os
from collections.abc import Awaitable, Callable

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from ussd_engine.observe.cells import Cells, Counts, Spreads
from ussd_engine.observe.funnel import Funnel

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Board:
    """The metrics of this process. Attributes are families of cells."""

    def __init__(self) -> None:
        # The server counts these.
        self.turns = Counts("turns", "Turns answered: more, end, busy, fault", "gateway", "outcome")
        self.turn_seconds = Spreads("turn_seconds", "Time from a request read to its answer", "gateway")
        self.rejected = Counts("rejected", "Requests refused before the engine", "gateway", "reason")
        self.events = Counts("events", "A gateway's notices of a session's end", "gateway", "status")
        self.in_flight = Counts("turns_in_flight", "Turns being answered now", gauge="sum")

        # The engine counts these.
        self.actions = Counts("actions", "Actions run for menus", "action", "outcome")
        self.action_seconds = Spreads("action_seconds", "Time an action took", "action")
        self.faults = Counts("faults", "Turns with an apology: store, program, late, server", "cause")
        self.session_starts = Counts("session_starts", "Dialogs begun", "service")
        self.session_ends = Counts("session_ends", "Dialogs over, by how they ended", "service", "how")
        self.replays = Counts("replays", "Lost sessions rebuilt from the cumulative text")
        self.duplicates = Counts("duplicates", "Presses seen before, answered from the stored reply")
        self.throttled = Counts("throttled", "Presses of phones that dial or press too often")
        self.takeovers = Counts("claims_taken_over", "Turns whose claimant died, run by a later request")
        self.reconnects = Counts("redis_reconnects", "Connections to Redis opened again after a loss")
        self.bundles = Counts(
            "bundle_in_use", "1: new sessions start on it", "service", "bundle", gauge="max"
        )
        self._current: dict[str, str] = {}
        self.funnel = Funnel()

        # The recorder counts these.
        self.recorded = Counts("recorder_flushes", "Flushes of what was counted to PostgreSQL", "outcome")
        self.unrecorded = Counts("recorder_rows_lost", "Counted, and not kept: no room, or refused", "what")

        worker = Counts("worker", "The processes this page is about", "pid", gauge="max")
        worker.labels(str(os.getpid())).set(1)
        self.families = [held for held in vars(self).values() if isinstance(held, Counts | Spreads)]
        self.families.append(worker)
        self.cells = Cells(self.families)
        self.registry = CollectorRegistry()
        self.registry.register(self.cells)
        PlatformCollector(registry=self.registry)
        self.before_page: list[Callable[[], Awaitable[None]]] = []  # run before the page is shown
        self._of_process = (ProcessCollector(registry=self.registry), GCCollector(registry=self.registry))

    def add(self, family: Counts | Spreads) -> None:
        """One more family, of a service: it is on the page, and added up over the workers, like ours."""
        self.families.append(family)

    def action(self, name: str, outcome: str, seconds: float) -> None:
        """One action ended."""
        self.actions.labels(name, outcome).inc()
        self.action_seconds.labels(name).observe(seconds)

    def bundle_in_use(self, service: str, bundle: str) -> None:
        """New sessions of this service start on this bundle from now on."""
        self._current[service] = bundle
        self.bundles.clear()
        for name, current in self._current.items():
            self.bundles.labels(name, current).set(1)

    def speak_for_all(self) -> None:
        """Drop what is about one process: on a page of several it would be about another each time."""
        for collector in self._of_process:
            self.registry.unregister(collector)

    def page(self) -> bytes:
        """The metrics page."""
        return generate_latest(self.registry)
