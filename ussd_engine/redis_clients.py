"""redis-py, for all that is not a turn: the published menus, and whoever else has the time.

The same REDIS_URL leads it to the same servers as the links of the turns.
"""

from typing import cast

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.sentinel import Sentinel

from ussd_engine.redis_address import asking_options, tls_context
from ussd_engine.redis_place import NAMELESS, Kind, place

Client = Redis | RedisCluster


class _OfSentinels(Redis):
    """A client that also closes the connections to the sentinels, which redis-py leaves open."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        await self.connection_pool.sentinel_manager.aclose()  # type: ignore[attr-defined]


def client(url: str) -> Client:
    """A client of redis-py for a REDIS_URL. It connects when it is used. Raises StoreError."""
    where = place(url)
    tls_context(where.options)  # here it is said what is wrong with a certificate
    options = {**where.options, **NAMELESS}
    if where.kind is Kind.CLUSTER:
        return RedisCluster(startup_nodes=[ClusterNode(*host) for host in where.hosts], **options)
    if where.kind is Kind.SENTINEL:
        sentinels = Sentinel(  # type: ignore[no-untyped-call]
            where.hosts, sentinel_kwargs={**where.sentinel_options, **asking_options()}
        )
        return cast(Redis, sentinels.master_for(where.master, redis_class=_OfSentinels, **options))
    if where.path:
        return Redis(unix_socket_path=where.path, **options)
    host, port = where.hosts[0]
    return Redis(host=host, port=port, **options)
