"""How many sessions are open, and on which bundle. It goes through all keys of Redis: for people who ask, not
for a turn. A million sessions take seconds.
"""

from collections import Counter
from typing import Any

import orjson

BATCH = 500


async def sessions_by_bundle(redis: Any) -> Counter[str]:
    """Sessions that go on, by the name of their bundle."""
    counts: Counter[str] = Counter()
    keys: list[bytes] = []
    async for key in redis.scan_iter("ussd:{*}:*", count=1000):
        keys.append(key)
        if len(keys) == BATCH:
            await _count_into(counts, redis, keys)
            keys = []
    await _count_into(counts, redis, keys)
    return counts


async def _count_into(counts: Counter[str], redis: Any, keys: list[bytes]) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.get(key)
        for value in await pipe.execute():
            record = orjson.loads(value) if value is not None else {}
            if record.get("more") and "bundle" in record:
                counts[record["bundle"]] += 1
