"""Published menu versions: publish, pin, roll back, follow.

A bundle is a checked menu folder, named by the hash of its content. PostgreSQL keeps every bundle and
every publication; Redis serves them and says which is live; every worker follows. A session stays on
the bundle it began with. If Redis is emptied the workers go on and put back what is live. Without
PostgreSQL (`DATABASE_URL` empty) bundles live in Redis only.
"""

import asyncio
import re
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import orjson
import structlog
from redis.exceptions import RedisClusterException, RedisError

from ussd_engine import bundle_queries as queries
from ussd_engine import huge_pages
from ussd_engine.bundle import Bundle, Change, Version, build, bundle_name, sources_of
from ussd_engine.errors import BundleError, MenuError, StoreError
from ussd_engine.menu import read_sources
from ussd_engine.observe.board import Board
from ussd_engine.plugin import Runtime, Service
from ussd_engine.pool import FAILURES, open_pool
from ussd_engine.redis_clients import Client, client
from ussd_engine.session_counts import sessions_by_bundle
from ussd_engine.settings import Settings

__all__ = ["Bundle", "Bundles", "Change", "Version", "build", "bundle_name"]

log = structlog.get_logger("ussd.bundles")

_LIVE = "ussd:live"
_CHANNEL = "ussd:published"
_SERVICE = re.compile(r"^service:[ \t]*(\w+)", re.MULTILINE)
_LOCK = 0x55535344  # of PostgreSQL: one publication at a time
_SWITCH_S = 0.0005  # compiling beside the turns, Python else hands over every 5 ms: then each waits for it
_MOST_KNOWN = 32  # compiled versions kept in memory; others are built again for the sessions still on them


class Bundles:
    """The bundles a process knows, and which of them is live for each service code."""

    def __init__(
        self,
        settings: Settings,
        board: Board,
        redis: Client,
        pg: "asyncpg.Pool | None",
        plugins: Mapping[str, Service] | None,
    ) -> None:
        self._settings = settings
        self._board = board
        self._redis = redis
        self.pool = pg
        self._known: OrderedDict[str, Bundle] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Bundle]] = {}
        self._unusable: dict[str, tuple[str, MenuError | BundleError]] = {}  # by service: the version, why
        self._live: dict[str, Bundle] = {}
        self.by_code: dict[str, Bundle] = {}
        """The live bundle that answers each service code; the same dictionary for good. To be read only."""
        self._plugins = plugins
        self._started: dict[str, Service] = {}
        self._follower: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        settings: Settings,
        board: Board,
        *,
        publish: bool = False,
        follow: bool = True,
        plugins: Mapping[str, Service] | None = None,
    ) -> "Bundles":
        """Connect, load what is live, and follow it.

        publish: a service of `menus_dir` with nothing live is published from its folder. plugins:
        services by name, instead of the installed ones. Raises StoreError, and when following MenuError or
        BundleError for what is live and cannot be used.
        """
        redis = client(settings.redis_url)
        try:
            pool = await open_pool(settings) if settings.database_url else None
        except StoreError:
            await redis.aclose()
            raise
        bundles = cls(settings, board, redis, pool, plugins)
        try:
            await bundles.refresh()
            if follow:  # who publishes may be here to mend it
                for _, why in bundles._unusable.values():
                    raise why
            if publish:
                await bundles._publish_missing()
        except (RedisError, RedisClusterException) as error:
            await bundles.close()
            raise StoreError(f"Redis does not answer at REDIS_URL: {error}") from None
        except BaseException:
            await bundles.close()
            raise
        if follow:
            bundles._follower = asyncio.create_task(bundles._follow())
        return bundles

    async def close(self) -> None:
        """Stop following and disconnect."""
        while self._follower is not None and not self._follower.done():
            self._follower.cancel()  # once is not enough: redis-py was seen to swallow a cancellation
            await asyncio.wait([self._follower], timeout=0.1)
        for plugin in self._started.values():
            await plugin.stop()
        await self._redis.aclose()
        if self.pool is not None:
            await self.pool.close()

    # -- asking --------------------------------------------------------------------------------

    def for_code(self, code: str) -> Bundle | None:
        """The live bundle that answers a service code."""
        return self.by_code.get(code)

    def any(self) -> Bundle | None:
        """Some live bundle, for a sentence when no service is known."""
        return next(iter(self._live.values()), None)

    def live(self) -> Mapping[str, Bundle]:
        """The live bundles by service."""
        return self._live

    def known(self, name: str) -> Bundle | None:
        """A bundle by name, when it is in memory."""
        bundle = self._known.get(name)
        if bundle is not None:
            self._known.move_to_end(name)
        return bundle

    async def load(self, name: str) -> Bundle:
        """A bundle by name, from memory, Redis or PostgreSQL. Raises BundleError."""
        known = self.known(name)
        if known is not None:
            return known
        loading = self._loading.get(name)
        if loading is None:  # all who ask for it meanwhile wait for this one
            loading = self._loading[name] = asyncio.create_task(self._load(name))
            loading.add_done_callback(lambda _: self._loading.pop(name, None))
        return await asyncio.shield(loading)

    async def _load(self, name: str) -> Bundle:
        sources = await self._fetch(name)
        if sources is None:
            raise BundleError(f"There is no menu version {name}. See them with: ussd versions SERVICE")
        bundle = await self._build(sources)
        await self._start_plugin(bundle)
        self._remember(bundle)
        return bundle

    def _remember(self, bundle: Bundle) -> None:
        self._known[bundle.name] = bundle
        self._known.move_to_end(bundle.name)
        in_use = {live.name for live in self._live.values()} | {bundle.name}
        while len(self._known) > _MOST_KNOWN + len(in_use):
            del self._known[next(name for name in self._known if name not in in_use)]

    async def problems(self) -> dict[str, str]:
        """What is wrong with PostgreSQL or the bundles; empty when nothing is."""
        found: dict[str, str] = {}
        if self.pool is not None:
            try:
                await self.pool.fetchval("SELECT 1", timeout=2)
            except FAILURES as error:
                found["postgresql"] = f"PostgreSQL does not answer: {type(error).__name__}"
        if not self._live:
            found["bundle"] = "no menus are published. Publish a folder with: ussd publish menus/NAME"
        return found

    async def versions(self, service: str) -> list[Version]:
        """Publications of a service, newest first, with the sessions still on each bundle."""
        rows = await self._publications(service)
        counts = await sessions_by_bundle(self._redis)
        current = await self._redis.hget(_LIVE, service)
        newest: set[str] = set()
        versions = []
        for row in rows:
            name = row["bundle"]
            first = name not in newest
            newest.add(name)
            versions.append(
                Version(
                    name, row["published_at"].isoformat(timespec="seconds"), row["published_by"], row["note"],
                    first and current is not None and _text(current) == name, counts[name] if first else 0,
                )
            )  # fmt: skip
        return versions

    # -- changing ------------------------------------------------------------------------------

    async def publish_folder(self, folder: Path, by: str, note: str = "") -> Bundle:
        """Check a folder and make it live. Raises MenuError with its findings."""
        return await self.publish(read_sources(folder), by, note)

    async def publish(self, sources: Mapping[str, str], by: str, note: str = "") -> Bundle:
        """Make this content live: new sessions begin on it. Raises MenuError."""
        bundle = await self._build(sources)
        await self._make_live(bundle, by, note)
        return bundle

    async def rollback(self, service: str, name: str | None, by: str) -> Bundle:
        """Make an older bundle live again: the named one, or the one before. Raises BundleError."""
        if name is None:
            # Without counting sessions, as `versions` does: a million of them take Redis seconds, under load.
            published = [row["bundle"] for row in await self._publications(service)]
            older = [other for other in published if other != published[0]]
            if not older:
                raise BundleError(f"There is no earlier version of {service} to go back to.")
            name = older[0]
        bundle = await self._of(service, name)
        await self._make_live(bundle, by, "rollback")
        return bundle

    async def publish_change(self, service: str, name: str, by: str, note: str, change: Change) -> bool:
        """Make a kept bundle live, as was decided. May be called again after a crash: it is published once.

        False when it was published before, or gave way to what was decided or published since. Raises
        BundleError.
        """
        return await self._make_live(await self._of(service, name), by, note, change=change)

    async def _of(self, service: str, name: str) -> Bundle:
        bundle = await self.load(name)
        if bundle.service != service:
            raise BundleError(f"{name} is a version of {bundle.service}, not of {service}.")
        return bundle

    async def _publications(self, service: str) -> "list[asyncpg.Record]":
        """What was published of a service, newest first. Raises BundleError without PostgreSQL."""
        if self.pool is None:
            raise BundleError("Versions are kept in PostgreSQL, and DATABASE_URL is empty.")
        rows: list[asyncpg.Record] = await self.pool.fetch(queries.PUBLICATIONS, service)
        return rows

    async def _make_live(
        self, bundle: Bundle, by: str, note: str, *, first: bool = False, change: Change | None = None
    ) -> bool:
        """Publish; first: unless another process that starts has done so. False when nothing was to do."""
        await self._start_plugin(bundle)
        async with self._alone() as connection:
            await self.refresh()
            if first and bundle.service in self._live:
                return False
            self._require_own_codes(bundle)
            if connection is not None and not await queries.publish(connection, bundle, by, note, change):
                return False
            await self._serve(bundle)  # before the commit: what Redis did not take was not published
        self._go_live(bundle)
        self._remember(bundle)
        await self._redis.publish(_CHANNEL, bundle.service)
        return True

    @asynccontextmanager
    async def _alone(self) -> "AsyncIterator[asyncpg.Connection | None]":
        """A transaction in which nobody else publishes, on a connection of its own."""
        if self.pool is None:
            yield None
            return
        connection = await asyncpg.connect(self._settings.database_url, timeout=5, command_timeout=10)
        try:
            async with connection.transaction():
                await connection.execute(queries.LOCK, _LOCK)
                yield connection
        finally:
            await connection.close()

    def _require_own_codes(self, bundle: Bundle) -> None:
        """Raise MenuError when another service is live on a code of this one."""
        taken = {code for code in bundle.codes if self.by_code.get(code, bundle).service != bundle.service}
        if taken:
            raise MenuError(f"the code {', '.join(sorted(taken))} already belongs to another service")

    async def _serve(self, bundle: Bundle, *, unless_there: bool = False) -> None:
        """Put a version into Redis as live; unless_there: not over what somebody published meanwhile."""
        # The content first, then what points to it: in a cluster they lie on two nodes.
        await self._redis.set(_key(bundle.name), orjson.dumps(dict(bundle.sources)))
        await (self._redis.hsetnx if unless_there else self._redis.hset)(_LIVE, bundle.service, bundle.name)

    def _go_live(self, bundle: Bundle) -> None:
        self._live = {**self._live, bundle.service: bundle}
        by_code: dict[str, Bundle] = {}
        for live in self._live.values():
            for code in live.codes:
                by_code.setdefault(code, live)
        self.by_code.clear()
        self.by_code.update(by_code)
        self._board.bundle_in_use(bundle.service, bundle.name)

    # -- following -----------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Take over what is live now; put it back into Redis when it is not there any more."""
        pointers: dict[str, str] = {
            _text(service): _text(name) for service, name in (await self._redis.hgetall(_LIVE)).items()
        }
        if self.pool is not None and not pointers:
            pointers = {row["service"]: row["bundle"] for row in await self.pool.fetch(queries.LIVE)}
        for service, name in pointers.items():
            if service not in self._live or self._live[service].name != name:
                await self._take_over(service, name)
        for service, bundle in self._live.items():
            if not await self._redis.hexists(_LIVE, service):
                await self._serve(bundle, unless_there=True)

    async def _take_over(self, service: str, name: str) -> None:
        """Go live with a version; one that cannot be used leaves the last good one, and other services."""
        known, why = self._unusable.get(service, ("", None))
        if known == name and isinstance(why, MenuError):
            return  # the same content will not build a second time
        try:
            bundle = await self.load(name)
            if self._settings.huge_pages:
                await asyncio.to_thread(huge_pages.ask)
            self._go_live(bundle)
            self._unusable.pop(service, None)
        except (BundleError, MenuError) as error:
            self._unusable[service] = name, error
            if known != name:
                log.error("published menus cannot be used; the last good ones go on",
                          service=service, bundle=name, error=str(error))  # fmt: skip

    async def _follow(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as published:
                    await published.subscribe(_CHANNEL)
                    while True:
                        await self.refresh()
                        await published.get_message(
                            ignore_subscribe_messages=True, timeout=self._settings.bundle_poll_s
                        )
            except (RedisError, *FAILURES) as error:
                log.warning("cannot follow the menus; trying again", error=type(error).__name__)
            except Exception:  # whatever it is, this process must not stop following
                log.exception("cannot follow the menus; trying again")
            await asyncio.sleep(self._settings.bundle_poll_s)

    async def _publish_missing(self) -> None:
        for file in sorted(self._settings.menus_dir.glob("*/service.yaml")):
            sources = read_sources(file.parent)
            named = _SERVICE.search(sources.get("service.yaml", ""))
            if named and (named[1] in self._live or named[1] in self._unusable):
                continue  # its folder may be broken in the middle of a change; what is live goes on
            bundle = await self._build(sources)
            if bundle.service not in self._live:
                await self._make_live(bundle, "first start", "", first=True)

    async def _fetch(self, name: str) -> dict[str, str] | None:
        sources = sources_of(await self._redis.get(_key(name)), name)
        if sources is None and self.pool is not None:
            stored = await self.pool.fetchval(queries.SOURCES, name)
            sources = sources_of(stored, name)
            if sources is not None:
                await self._redis.set(_key(name), stored)
        return sources

    async def _start_plugin(self, bundle: Bundle) -> None:
        if bundle.service not in self._started:
            await bundle.plugin.start(Runtime(self._settings, self.pool, self._redis, self, self._board))
            self._started[bundle.service] = bundle.plugin

    async def _build(self, sources: Mapping[str, str]) -> Bundle:
        """Check and compile, off the event loop: it takes tens of milliseconds."""
        plugin = None
        if self._plugins is not None:
            named = _SERVICE.search(sources.get("service.yaml", ""))
            plugin = self._plugins.get(named[1]) if named else None
        sys.setswitchinterval(_SWITCH_S)
        return await asyncio.to_thread(build, sources, plugin)


def _key(name: str) -> str:
    return f"ussd:bundle:{name}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
