"""Where sessions live: one Redis, the master that sentinels name, or a cluster. REDIS_URL says which.

Turns need `call` and no more. What a single server does without, a cluster does behind it: see
`redis_cluster`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from ussd_engine.redis_address import address
from ussd_engine.redis_cluster import ClusterStore
from ussd_engine.redis_link import RedisLink
from ussd_engine.redis_place import Kind, Place, place


class Caller(Protocol):
    """Commands in, replies out, each within its time."""

    def call(self, *command: Any) -> "asyncio.Future[Any]":
        """Send one command of str, bytes and int. The future gives the reply, or a StoreError: then it may
        or may not have happened, and the caller knows whether doing it again is safe."""


class Store(Caller, Protocol):
    """All the Redis there is."""

    single: RedisLink | None
    """The one connection, when all keys are there."""

    def link_for(self, key: bytes | str) -> RedisLink:
        """The connection to the node that holds this key now. Raises StoreError when there is none."""

    def away(self) -> str:
        """Which part cannot be reached just now; empty when all can. Asks nobody."""

    async def ping(self) -> None:
        """Raises StoreError when no part answers: no turn can be served."""

    async def close(self) -> None:
        """Close for good; calls still waiting fail."""


class SingleStore:
    """One connection: a server, a socket file, or the master its sentinels name."""

    def __init__(
        self, where: Place, *, timeout_s: float, max_in_flight: int, on_reconnect: Callable[[], None] | None
    ) -> None:
        self._address = address(where)
        self.single: RedisLink | None = RedisLink(
            self._address, timeout_s=timeout_s, max_in_flight=max_in_flight, on_reconnect=on_reconnect
        )
        self._link = self.single
        self.call = self._link.call

    async def open(self) -> None:
        """Connect. Raises StoreError when Redis does not answer."""
        await self._link.open()

    def link_for(self, key: bytes | str) -> RedisLink:  # noqa: ARG002 - all keys are here
        """The one connection."""
        return self._link

    def away(self) -> str:
        """Where it should be and is not, or nothing."""
        return "" if self._link.connected else f"Redis does not answer at {self._address.shown}"

    async def ping(self) -> None:
        """Raises StoreError when it does not answer."""
        await self._link.call("PING")

    async def close(self) -> None:
        """Close for good."""
        await self._link.close()


async def open_store(
    url: str,
    *,
    timeout_s: float = 2.0,
    max_in_flight: int = 20_000,
    on_reconnect: Callable[[], None] | None = None,
) -> Store:
    """Connect to what a REDIS_URL says. timeout_s: what a call may take; max_in_flight: calls at once, to
    one node. Raises StoreError, with what to do."""
    where = place(url)
    kind = ClusterStore if where.kind is Kind.CLUSTER else SingleStore
    store = kind(where, timeout_s=timeout_s, max_in_flight=max_in_flight, on_reconnect=on_reconnect)
    await store.open()
    return store
