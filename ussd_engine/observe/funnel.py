"""What dialogs were like, counted in this process's memory until the recorder takes it to PostgreSQL.

Each menu version has an `Audience` for each network (core_ext/visits.py): a turn counts there in a few
dozen nanoseconds. A gateway's notice that a session is over is kept as it came; it is rare beside turns.
Everything is bounded: who sends odd networks, or sends notices while PostgreSQL is away, fills no memory.
"""

import time
from collections import deque
from typing import NamedTuple

from core_ext.visits import Audience, Visits
from ussd_engine.turn import SessionEvent

MOST_NETWORKS = 32  # of a menu version
MOST_AUDIENCES = 1024
MOST_NOTICES = 50_000
OTHER = "other"


class Version(NamedTuple):
    """A menu version on a network."""

    service: str
    bundle: str
    network: str


class Notice(NamedTuple):
    """A session's end as its gateway told it. at: seconds since the epoch."""

    at: float
    event: SessionEvent


class Funnel:
    """Where turns and notices are counted. One for a process."""

    def __init__(self) -> None:
        self.recorded = False  # whether somebody takes the notices; else they are not kept
        self.lost = 0  # notices for which there was no room
        self._audiences: dict[Version, Audience] = {}
        self._networks: dict[str, int] = {}
        self._notices: deque[Notice] = deque()

    def audience(self, service: str, bundle: str, network: str) -> Audience:
        """Where the visits to a menu version from a network are counted."""
        version = Version(service, bundle, network)
        found = self._audiences.get(version)
        if found is None:
            found = self._audiences.setdefault(self._bounded(version), Audience())
            if self._audiences.get(version) is found:
                self._networks[bundle] = self._networks.get(bundle, 0) + 1
        return found

    def _bounded(self, version: Version) -> Version:
        if len(self._audiences) >= MOST_AUDIENCES:
            return Version(version.service, OTHER, OTHER)
        if self._networks.get(version.bundle, 0) >= MOST_NETWORKS:
            return version._replace(network=OTHER)
        return version

    def turn(
        self,
        audience: Audience,
        came: tuple[str, str] | None,
        at: tuple[str, str],
        dwell_ms: int,
        refused: bool,
        more: bool,
    ) -> None:
        """Count one answered turn, as `core_ext.plain` does. came, at: language and state before and
        after; None before: it began a session."""
        after: Visits = audience.at(*at)
        if came is None:
            after.open(more)
        else:
            after.follow(audience.at(*came), dwell_ms, refused, more)

    def over(self, event: SessionEvent) -> None:
        """Keep a gateway's notice that a session is over."""
        if not self.recorded:
            return
        if len(self._notices) >= MOST_NOTICES:
            self.lost += 1
            return
        self._notices.append(Notice(time.time(), event))

    def notices(self, most: int) -> list[Notice]:
        """Take the oldest notices."""
        return [self._notices.popleft() for _ in range(min(most, len(self._notices)))]

    @property
    def waiting(self) -> int:
        """How many notices are kept."""
        return len(self._notices)

    def audiences(self) -> list[tuple[Version, Audience]]:
        """Every menu version on every network, so far."""
        return list(self._audiences.items())
