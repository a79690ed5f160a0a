"""The event board: what each turn did, for the developer who watches the web phone.

In memory, bounded, and for development only: nothing is written to it in production. The engine
publishes a number's events; the page subscribes to one number. Published to the number "" an event
reaches everybody (a menu was reloaded). Fields are safe when they arrive: an input to a guarded state
is "••••", and no PIN is ever among them.

A board belongs to one process and its event loop. A reader that is too slow loses its oldest events,
never the server's memory.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

EVERYBODY = ""
NUMBERS = 500
EVENTS_PER_NUMBER = 200
READERS = 100


@dataclass(slots=True, frozen=True)
class Event:
    """One thing that happened. number counts up over the board's life."""

    number: int
    at: datetime
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)


class BoardFull(Exception):
    """Too many pages watch already. Close one and reload."""


class EventBoard:
    """Keeps the last events of each number, and hands new ones to whoever watches."""

    def __init__(
        self, numbers: int = NUMBERS, events_per_number: int = EVENTS_PER_NUMBER, readers: int = READERS
    ) -> None:
        self._numbers = numbers
        self._events_per_number = events_per_number
        self._readers = readers
        self._kept: OrderedDict[str, deque[Event]] = OrderedDict()
        self._subscriptions: set[Subscription] = set()
        # Numbered from the clock, so that a page which was open over a restart (and asks for what came
        # after its last event) does not miss the new process's first ones.
        self._count = time.time_ns() // 1_000_000

    def publish(self, msisdn: str, kind: str, **fields: Any) -> None:
        """Put an event up for those who watch this number; msisdn "" is for all of them."""
        who = _digits(msisdn)
        self._count += 1
        event = Event(self._count, datetime.now(UTC), kind, fields)
        self._keep(who, event)
        for subscription in self._subscriptions:
            if who in (EVERYBODY, subscription.msisdn):
                subscription.put(event)

    def recent(self, msisdn: str, after: int = 0) -> list[Event]:
        """What is kept for this number and for everybody, oldest first, numbered above `after`."""
        return sorted(self._recent(_digits(msisdn), after), key=lambda event: event.number)

    def subscribe(self, msisdn: str, after: int = 0) -> "Subscription":
        """A feed of this number's events: the kept ones above `after`, then new ones as they come."""
        if len(self._subscriptions) >= self._readers:
            raise BoardFull(BoardFull.__doc__)
        subscription = Subscription(self, _digits(msisdn), self._events_per_number)
        for event in self.recent(msisdn, after):
            subscription.put(event)
        self._subscriptions.add(subscription)
        return subscription

    def close(self) -> None:
        """End every feed, so that a stopping server does not wait for open pages."""
        for subscription in self._subscriptions:
            subscription.put(None)

    def leave(self, subscription: "Subscription") -> None:
        """Forget a feed."""
        self._subscriptions.discard(subscription)

    def _keep(self, who: str, event: Event) -> None:
        kept = self._kept.setdefault(who, deque(maxlen=self._events_per_number))
        kept.append(event)
        self._kept.move_to_end(who)
        while len(self._kept) > self._numbers:
            self._kept.popitem(last=False)

    def _recent(self, who: str, after: int) -> Iterator[Event]:
        for key in {who, EVERYBODY}:
            yield from (event for event in self._kept.get(key, ()) if event.number > after)


class Subscription:
    """One reader's feed. Use it in a `with`, then await `next`, or iterate over it."""

    def __init__(self, board: EventBoard, msisdn: str, size: int) -> None:
        self.msisdn = msisdn
        self._board = board
        self._waiting: deque[Event | None] = deque(maxlen=size)
        self._news = asyncio.Event()

    def put(self, event: Event | None) -> None:
        """Add an event; None ends the feed."""
        self._waiting.append(event)
        self._news.set()

    async def next(self) -> Event | None:
        """The next event, when there is one; None when the board closed."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self.next()
        if event is None:
            raise StopAsyncIteration
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._board.leave(self)


def _digits(msisdn: str) -> str:
    return "".join(character for character in msisdn if character.isdigit())
