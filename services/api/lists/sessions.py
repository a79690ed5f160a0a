"""The list of live dialogs: which phones are in a menu now, where, and for how long.

They are in Redis. A page looks at a bounded number of keys, on one node after the other, and says where to go
on; so a page may show few rows, or none, and have a next one. A dialog may come twice, or not, when it begins
or ends meanwhile. What was typed or shown is not told: that a phone is in a menu, and in which state, is all.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from services import clock
from services.api.calls import Read, Stream
from services.api.lists import export
from services.api.lists.answering import LISTED
from services.api.lists.listing import Column
from services.api.lists.query import Format, Page
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import AWAY, INVALID
from ussd_engine.observe.logs import mask

routes = Routes("Dialogs")

PATTERN = "ussd:{*}:*"
PROFILE = "profile:"
LOOKED_AT = 500  # keys a look at Redis
LOOKS = 40  # of one page: some 20,000 keys


class SessionQuery(BaseModel):
    """Which part of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: str | None = Field(None, max_length=300, description="`next` of a page.")
    limit: int = Field(50, ge=1, le=500, description="About so many; a page may have a few more.")
    format: Format = Field("json", description="`csv` or `xlsx`: a file with all of them.")


class Session(BaseModel):
    """A dialog that goes on."""

    msisdn: str = Field(description="Masked.", examples=["2547***126"])
    code: str = Field(description="What was dialled.", examples=["*384*89598#"])
    gateway: str = Field(examples=["africastalking"])
    bundle: str = Field(description="The menu version it began with.", examples=["3f0a1b2c"])
    state: str = Field(description="Where in the menus it is.", examples=["main"])
    language: str
    turns: int = Field(description="Screens shown so far.")
    started_at: datetime
    seen_at: datetime
    age_s: int = Field(description="Seconds since it began.")
    idle_s: int = Field(description="Seconds since the last press.")


class Sessions(Page[Session]):
    """Some of the dialogs."""


SHEET = export.Sheet(
    "sessions",
    (
        Column("msisdn", "msisdn"),
        Column("code", "code"),
        Column("gateway", "gateway"),
        Column("bundle", "bundle"),
        Column("state", "state"),
        Column("language", "language"),
        Column("turns", "turns", "number"),
        Column("started", "started_at", "moment"),
        Column("seen", "seen_at", "moment"),
    ),
)


@routes.get("/admin/sessions", may=Permission.SESSIONS_READ, **LISTED)
async def list_sessions(call: Read, query: SessionQuery) -> Sessions | Stream:
    """List live dialogs.

    In no order. A page looks at a part of Redis: it may be empty and have a `next`.
    """
    if query.format != "json":
        return await export.file_of(call, SHEET, query, query.format, _all(call))
    return await _page(call, query)


async def _all(call: Read) -> export.Rows:
    cursor = None
    while True:
        page = await _page(call, SessionQuery(cursor=cursor, limit=500))
        yield [session.model_dump() for session in page.items]
        cursor = page.next
        if cursor is None:
            return


async def _page(call: Read, query: SessionQuery) -> Sessions:
    redis = call.desk.redis
    if redis is None:
        raise AWAY.of("There is no Redis here.")
    try:
        nodes = await _nodes(redis)
        at, scan = _read(query.cursor)
        found: dict[str, Session] = {}
        for _ in range(LOOKS):
            name = next((each for each in sorted(nodes) if each >= at), None)
            if name is None or len(found) >= query.limit:
                break
            if name != at:
                at, scan = name, 0
            scan, keys = await _look(redis, scan, nodes[name])
            found |= await _dialogs(redis, keys)
            if scan == 0:
                at = name + "\x00"  # the node after this one
        more = next((each for each in sorted(nodes) if each >= at), None)
    except (RedisError, RedisClusterException, OSError):
        raise AWAY.of("Redis does not answer just now. Try again.") from None
    return Sessions(items=list(found.values()), next=None if more is None else _write(at, scan))


async def _nodes(redis: Any) -> dict[str, dict[str, Any]]:
    """The nodes that hold keys, by name, and how a look is sent to each."""
    if not isinstance(redis, RedisCluster):
        return {"": {}}
    await redis.initialize()  # it reads the map of slots at its first command, and this is none
    return {node.name: {"target_nodes": node} for node in redis.get_primaries()}


async def _look(redis: Any, scan: int, where: dict[str, Any]) -> tuple[int, list[bytes]]:
    """One look: where to look next, 0 at the end of the node, and the keys. A cluster says where by node."""
    at, keys = await redis.scan(scan, match=PATTERN, count=LOOKED_AT, **where)
    return (next(iter(at.values())) if isinstance(at, dict) else at), keys


async def _dialogs(redis: Any, keys: list[bytes]) -> dict[str, Session]:
    """Those of the keys that are dialogs which go on."""
    names = [key.decode() for key in keys]
    names = [name for name in names if not name.partition("}:")[2].startswith(PROFILE)]
    if not names:
        return {}
    async with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.get(name)
        values = await pipe.execute()
    now = clock.now()
    made = ((name, told(name, value, now)) for name, value in zip(names, values, strict=True))
    return {name: session for name, session in made if session is not None}


def told(name: str, value: bytes | None, now: datetime) -> Session | None:
    """A key's dialog as it is told; none when it does not go on. value: the record in Redis."""
    record = orjson.loads(value) if value is not None else {}
    if not record.get("more") or "dialog" not in record:
        return None
    whose, _, code = name.removeprefix("ussd:{").partition("}:")
    started = datetime.fromtimestamp(record["started"] / 1000, UTC)
    seen = datetime.fromtimestamp(record["seen"] / 1000, UTC)
    return Session(
        msisdn=mask(whose),
        code=code,
        gateway=record["gateway"],
        bundle=record["bundle"],
        state=record["dialog"]["state"],
        language=record["dialog"]["language"],
        turns=record["turn"],
        started_at=started,
        seen_at=seen,
        age_s=max(int((now - started).total_seconds()), 0),
        idle_s=max(int((now - seen).total_seconds()), 0),
    )


def _write(node: str, scan: int) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([node, scan])).rstrip(b"=").decode()


def _read(text: str | None) -> tuple[str, int]:
    if text is None:
        return "", 0
    try:
        node, scan = orjson.loads(
            base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        )
        if isinstance(node, str) and isinstance(scan, int) and 0 <= scan < 2**64:
            return node, scan
    except (binascii.Error, ValueError, TypeError):
        pass
    what = "is no cursor of this list; begin again without it"
    raise INVALID.of(f"query.cursor: {what}.", [{"where": "query.cursor", "what": what}])
