"""The nodes of a Redis Cluster: the link to each, and what one of them says of who holds which slots."""

import asyncio
import contextlib
from collections.abc import Callable

from redis.asyncio import Redis
from redis.cluster import parse_cluster_slots
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from ussd_engine.errors import StoreError
from ussd_engine.redis_address import Address, asking_options, node_address
from ussd_engine.redis_link import RedisLink
from ussd_engine.redis_place import HostPort, Place, shown

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0

Slots = list[tuple[int, int, HostPort]]
"""First slot, last slot, and the master that holds them."""


class Node:
    """A master and the link to it. Until there is one, it is tried again and again."""

    def __init__(self, where: Place, host: HostPort, new_link: Callable[[Address], RedisLink]) -> None:
        self.host = host
        self.link: RedisLink | None = None
        self.used_at = 0.0
        self._address = node_address(where, host)
        self._new_link = new_link
        self.opening = asyncio.create_task(self._open())

    @property
    def connected(self) -> bool:
        """Whether a command can be sent now."""
        return self.link is not None and self.link.connected

    async def close(self) -> None:
        """Close for good."""
        self.opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.opening
        if self.link is not None:
            await self.link.close()

    async def _open(self) -> None:
        pause = _FIRST_PAUSE_S
        while self.link is None:
            link = self._new_link(self._address)
            try:
                await link.open()
                self.link = link
            except StoreError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            except BaseException:
                await link.close()
                raise


async def read_slots(where: Place, host: HostPort) -> Slots:
    """The map of slots as this node knows it. Raises StoreError."""
    name, port = host
    try:
        async with Redis(host=name, port=port, **where.options, **asking_options()) as client:
            found = await client.cluster("SLOTS")
    except (AuthenticationError, ResponseError) as error:  # of a wrong password, say, or no cluster at all
        raise StoreError(f"Redis refuses us at {shown(host)}: {error}") from None
    except (RedisError, OSError) as error:
        raise StoreError(f"Redis does not answer at {shown(host)}: {error}") from None
    slots = parse_cluster_slots(found, current_host=name)
    return [
        (int(first), int(last), (str(nodes["primary"][0]), int(nodes["primary"][1])))
        for (first, last), nodes in slots.items()
    ]
