"""How to reach the server a REDIS_URL means, and how to say hello there."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ussd_engine.errors import StoreError
from ussd_engine.redis_place import NAMELESS, HostPort, Kind, Place, place, shown

ASK_S = 0.5
"""Seconds a sentinel or a node has to say where the data is, before the next one is asked."""


class Address:
    """One server, by TCP, TLS or a socket file."""

    shown: str
    """The place without its password, for messages."""

    def __init__(self, where: Place | str) -> None:
        """Raises StoreError when the URL is wrong, or names certificates that cannot be read."""
        self._place = place(where) if isinstance(where, str) else where
        self._tls = tls_context(self._place.options)
        self.shown = self._place.shown

    def greeting(self) -> list[tuple[Any, ...]]:
        """Commands that begin a connection. No call is sent before all are answered without an error."""
        options = self._place.options
        commands: list[tuple[Any, ...]] = []
        if options.get("password"):
            user = (options["username"],) if options.get("username") else ()
            commands.append(("AUTH", *user, options["password"]))
        if options.get("db"):
            commands.append(("SELECT", options["db"]))
        commands.append(("PING",))  # refused while Redis still loads its data
        return commands

    def welcome(self, replies: list[Any]) -> None:
        """Judge the replies to the greeting, none of them an error. Raises StoreError to leave again."""

    async def connect(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        """Open a connection for the protocol. Raises OSError or StoreError."""
        if self._place.path:
            await loop.create_unix_connection(lambda: protocol, self._place.path)
        else:
            await self._connect_to(self._place.hosts[0], loop, protocol)

    async def _connect_to(
        self, host: HostPort, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol
    ) -> None:
        await loop.create_connection(lambda: protocol, *host, ssl=self._tls)


class SentinelAddress(Address):
    """The master of a name: the sentinels are asked for it each time, and it is asked whether it is one."""

    def greeting(self) -> list[tuple[Any, ...]]:
        """As for any server; then its role."""
        return [*super().greeting(), ("ROLE",)]

    def welcome(self, replies: list[Any]) -> None:
        """Leave a server that is no master: the sentinels' word was old."""
        if replies[-1][0] != b"master":
            raise StoreError(f"{self._place.master} is no master yet")

    async def connect(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        """Ask, and connect to what they say. Raises OSError or StoreError."""
        place = self._place
        options = {**place.sentinel_options, **asking_options()}
        # redis-py leaves its constructor without types
        async with Sentinel(place.hosts, sentinel_kwargs=options) as sentinels:  # type: ignore[no-untyped-call]
            try:
                host = await sentinels.discover_master(place.master)
            except RedisError:  # whose words are all its settings
                raise StoreError(await _why_no_master(place, sentinels)) from None
        await self._connect_to(host, loop, protocol)


async def _why_no_master(where: Place, sentinels: Sentinel) -> str:
    """What keeps each sentinel from naming the master."""
    why = []
    for host, sentinel in zip(where.hosts, sentinels.sentinels, strict=True):
        try:
            await sentinel.sentinel_masters()
            why.append(f"{shown(host)} knows no healthy one")
        except RedisError as error:
            why.append(f"{shown(host)}: {error}")
    return f"no sentinel names the master {where.master} ({'; '.join(why)})"


def address(where: Place) -> Address:
    """The address of a place that is not a cluster."""
    return SentinelAddress(where) if where.kind is Kind.SENTINEL else Address(where)


def node_address(where: Place, host: HostPort) -> Address:
    """One node of a cluster, reached as the cluster is: same user, same certificates."""
    return Address(Place(Kind.SERVER, (host,), options=where.options))


def asking_options() -> dict[str, Any]:
    """For a redis-py client that asks one question: no patience, no second try."""
    return {
        **NAMELESS, "socket_timeout": ASK_S, "socket_connect_timeout": ASK_S, "retry": Retry(NoBackoff(), 0),
    }  # fmt: skip


def tls_context(options: Mapping[str, Any]) -> ssl.SSLContext | None:
    """The TLS settings that redis-py makes of these options; None without TLS. Raises StoreError."""
    if not options.get("ssl"):
        return None
    named = {name: value for name, value in options.items() if name.startswith("ssl_")}
    try:
        context: ssl.SSLContext = SSLConnection(**named).ssl_context.get()
    except (OSError, ValueError) as error:  # SSLError is an OSError
        files = ", ".join(str(named[name]) for name in named if name.endswith(("certs", "file")))
        raise StoreError(f"REDIS_URL: the certificates cannot be used ({files}): {error}") from None
    return context
