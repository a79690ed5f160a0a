"""Where a REDIS_URL points, how to connect there, and how to say hello."""

import asyncio
import ssl
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ussd_engine.errors import StoreError


class Address:
    """One server, by TCP, TLS or a socket file."""

    shown: str
    """The place without its password, for messages."""

    def __init__(self, url: str) -> None:
        """url: redis://, rediss:// or unix://, as redis-py reads them. Raises StoreError."""
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._user = unquote(parts.username) if parts.username else ""
        self._password = unquote(parts.password) if parts.password else ""
        query = parse_qs(parts.query)
        self._path = unquote(parts.path)
        self._host = parts.hostname or "localhost"
        self._port = parts.port or 6379
        if parts.scheme == "unix":
            database = query.get("db", ["0"])[0]
            self.shown = self._path
        elif parts.scheme in ("redis", "rediss"):
            database = self._path.strip("/") or query.get("db", ["0"])[0]
            self.shown = f"{self._host}:{self._port}"
        else:
            raise StoreError(f"REDIS_URL begins with {parts.scheme!r}; use redis://, rediss:// or unix://")
        self._database = int(database)

    def greeting(self) -> list[tuple[Any, ...]]:
        """Commands that begin a connection. No call is sent before all are answered without an error."""
        commands: list[tuple[Any, ...]] = []
        if self._password:
            user = (self._user,) if self._user else ()
            commands.append(("AUTH", *user, self._password))
        if self._database:
            commands.append(("SELECT", self._database))
        commands.append(("PING",))  # refused while Redis still loads its data
        return commands

    def welcome(self, replies: list[Any]) -> None:
        """Judge the replies to the greeting, none of them an error. Raises StoreError to leave again."""

    async def connect(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        """Open a connection for the protocol. Raises OSError or StoreError."""
        if self._scheme == "unix":
            await loop.create_unix_connection(lambda: protocol, self._path)
        else:
            tls = ssl.create_default_context() if self._scheme == "rediss" else None
            await loop.create_connection(lambda: protocol, self._host, self._port, ssl=tls)
