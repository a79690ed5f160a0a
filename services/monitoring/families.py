"""What the staff's API counts. A request adds to a handful of cells; a page adds up all workers' cells."""

from collections.abc import Callable
from typing import Protocol

from ussd_engine.observe.board import Board
from ussd_engine.observe.cells import Counts, Dump, Spreads

PREFIX = "umoja_"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Kept(Protocol):
    """What a cache counts (services/api/cache.Counts)."""

    hits: int
    made: int
    past: int


class CacheAnswers(Counts):
    """What became of questions to the cache, read from its own count when somebody looks."""

    def __init__(self, kept: Callable[[], Kept | None]) -> None:
        super().__init__(
            "cache_answers", "Answers of the API's cache: hit, made, past (made, not kept)", "how",
            prefix=PREFIX,
        )  # fmt: skip
        self._kept = kept

    def dump(self) -> Dump:
        """Each kind of answer, and how many."""
        kept = self._kept()
        if kept is None:
            return []
        return [(("hit",), [kept.hits]), (("made",), [kept.made]), (("past",), [kept.past])]


class ApiFamilies:
    """The families of one process."""

    def __init__(self, board: Board, kept: Callable[[], Kept | None] = lambda: None) -> None:
        self.requests = Counts(
            "api_requests", "Requests to the API and the admin page: 2xx, 3xx, 4xx, 5xx",
            "route", "method", "status", prefix=PREFIX,
        )  # fmt: skip
        self.seconds = Spreads(
            "api_request_seconds", "Time from a request read to its answer", "route", prefix=PREFIX
        )
        self.problems = Counts(
            "api_problems", "Refusals and failures, by the type of problem", "kind", prefix=PREFIX
        )
        self.logins = Counts("api_logins", "Logins tried: done, refused", "outcome", prefix=PREFIX)
        self.limited = Counts("api_limited", "Requests over a rate, by its class", "limit", prefix=PREFIX)
        self.cache = CacheAnswers(kept)
        for family in (self.requests, self.seconds, self.problems, self.logins, self.limited, self.cache):
            board.add(family)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered. route: its pattern, so that no id is a label; nor is a made-up method."""
        known = method if method in METHODS else "other"
        self.requests.labels(route, known, f"{status // 100}xx").inc()
        self.seconds.labels(route).observe(seconds)
