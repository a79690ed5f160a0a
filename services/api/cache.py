"""Answers that are read often, kept for a minute, and never answered once what they tell has changed.

    await cache.get_or_make("loan:ABC123", ["loan:12"], read_it, model=LoanOut)

A value is kept beside the versions that its tags had BEFORE it was read, and it is answered while they are
still those. A change gives its tags new versions, after its commit: a reader who read before the commit and
stores afterwards has stored something that is dead already.

    loan      anything about loans: what lists are tagged with
    loan:12   this loan: its page
    loan:*    all of them at once: what a change of very many says. Nothing is tagged with it

Who says what changed: `forget`, by whoever made the change in this process; and PostgreSQL, by triggers
(migration 0012), whoever made it. `services/api/cache_changes.py` listens. While it does not hear, nothing
that is kept can be believed: then everything is read anew, and nothing is kept. What was kept before that is
never answered afterwards, because each node has an epoch, a version that all its values depend on, and
listening begins with new ones.

Versions are random words in the store. Lost ones are made up anew, and the values that had them are dead. A
change that the store does not take is owed: this process believes nothing that depends on it until it is
paid. So a store that is away, loses all, or hangs and comes back makes answers slower and never wrong.

What may be seen for some milliseconds is the state before a change that another process has made: between
its commit and the notification.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from services.api.cache_stores import Away, Store
from services.api.packed import pack, shape, unpack

T = TypeVar("T")
Seen = tuple[bytes | None, bytes | None]  # versions, and the value that has them

TTL_S = 60
MOST_OWED = 2_000  # tags; when it is more, all that is kept is given up
PAY_AGAIN_S = 1.0
LOOKS = 3  # when changes are heard of between looks
LEASE_S = 3  # for one process to make a value that others wait for
LEASE_WAIT_S = 1.0  # the others wait so long, then make it themselves
LEASE_POLL_S = 0.02

log = structlog.get_logger("umoja.api")


@dataclass(slots=True)
class Counts:
    """What became of the questions: answered from what was kept, made, made without being kept."""

    hits: int = 0
    made: int = 0
    past: int = 0


class Cache:
    """What is kept, in one store. namespace: keeps databases apart that share a memcached."""

    def __init__(self, store: Store, namespace: str) -> None:
        self._store = store
        self._space = blake2b(namespace.encode(), digest_size=6).hexdigest()
        self._epochs = {node: self._epoch_key(node) for node in store.nodes}
        self._owed: dict[str, int] = {}
        self._changes = 0
        self._paying = asyncio.Lock()
        self._owing = asyncio.Event()
        self._flights: dict[tuple[str, bytes], asyncio.Task[bytes]] = {}
        self._looks: dict[tuple[str, int], asyncio.Task[Seen]] = {}
        self.listening = False
        self.counts = Counts()

    # ---- what changed

    def hears(self) -> None:
        """From now on every change is heard of. What was kept before may have changed meanwhile."""
        self._owe(self._epochs.values())
        self.listening = True

    def hears_nothing(self) -> None:
        """Changes are not heard of: believe nothing."""
        self.listening = False

    def heard(self, tags: Iterable[str]) -> None:
        """These have changed. In this process that holds at once."""
        self._owe(self._version_key(tag) for tag in tags)

    async def forget(self, *tags: str) -> None:
        """These have changed, and the change is committed. Also for all who share the store, when it ends."""
        self.heard(_told(tags))
        await self._pay()

    async def pay(self) -> None:
        """Keep the store told of changes. Runs until it is cancelled."""
        while True:
            await self._owing.wait()
            if not await self._pay():
                await asyncio.sleep(PAY_AGAIN_S)

    # ---- what is kept

    async def get_or_make(
        self,
        key: str,
        tags: Sequence[str],
        make: Callable[[], Awaitable[T]],
        ttl_s: int = TTL_S,
        model: type[BaseModel] | None = None,
    ) -> T:
        """The value that is kept under this key, or what `make` makes now, and keep that.

        tags: of all that it tells; key: of all that it depends on, who may see it among them. model: what
        kind of pydantic model it is, if it is one; without, see packed.py. Whoever asks for the same at the
        same time waits for the one who makes it, and gets a copy of their own. Raises what `make` raises.
        """
        if not self.listening:
            self.counts.past += 1
            return await make()
        name = self._key("v", key, shape(model))
        versions, kept = await self._looked(name, tags)
        if kept is not None:
            try:
                value: T = unpack(kept, model)
            except (ValidationError, ValueError):
                pass  # made by another program under our name: make it anew
            else:
                self.counts.hits += 1
                return value
        made: T = unpack(await self._once(name, versions, make, ttl_s, model), model)
        return made

    async def _looked(self, name: str, tags: Sequence[str]) -> Seen:
        """One look for all who want the same between two changes."""
        alike = (name, self._changes)
        look = self._looks.get(alike)
        if look is None:
            look = self._looks[alike] = asyncio.create_task(self._look(name, tags))
            look.add_done_callback(lambda _ended: self._looks.pop(alike))
        return await asyncio.shield(look)

    async def _look(self, name: str, tags: Sequence[str]) -> Seen:
        """The versions that count now, and the value that has them. No versions: nothing can be known."""
        deciding = [self._epochs[self._store.node_of(name)], *self._version_keys(tags)]
        for _ in range(LOOKS):
            if self._owes(deciding) and (not await self._pay() and self._owes(deciding)):
                break
            try:
                found = dict(await self._store.get_many([name, *deciding]))
                if len(found) < len(deciding) + (name in found):
                    found |= await self._begin([key for key in deciding if key not in found])
            except Away:
                break
            if not all(key in found for key in deciding):
                break
            if self._owes(deciding) or not self.listening:
                continue  # heard of while we looked
            versions = blake2b(b"".join(found[key] for key in deciding), digest_size=16).digest()
            value = found.get(name, b"")
            return versions, value[16:] if value[:16] == versions else None
        return None, None

    async def _begin(self, keys: list[str]) -> dict[str, bytes]:
        """Give these their first versions. Somebody else may be first: theirs count."""
        for key in keys:
            await self._store.add(key, _new_version())
        return dict(await self._store.get_many(keys))

    async def _once(
        self,
        name: str,
        versions: bytes | None,
        make: Callable[[], Awaitable[Any]],
        ttl_s: int,
        model: type[BaseModel] | None,
    ) -> bytes:
        """The value's bytes, made by one for all who want them with these versions. When nothing can be
        known of versions, for all who came between two changes."""
        alike = (name, versions if versions is not None else b"changes %d" % self._changes)
        flight = self._flights.get(alike)
        if flight is None:
            making = self._made(name, versions, make, ttl_s, model)
            flight = self._flights[alike] = asyncio.create_task(making)
            flight.add_done_callback(lambda ended: self._landed(alike, ended))
        return await asyncio.shield(flight)  # who goes away does not take it from the others

    def _landed(self, alike: tuple[str, bytes], flight: asyncio.Task[bytes]) -> None:
        self._flights.pop(alike, None)
        if not flight.cancelled():
            flight.exception()  # everybody who waited may have gone

    async def _made(
        self,
        name: str,
        versions: bytes | None,
        make: Callable[[], Awaitable[Any]],
        ttl_s: int,
        model: type[BaseModel] | None,
    ) -> bytes:
        if versions is None:
            self.counts.past += 1
            return pack(await make(), model)
        lease = f"{name}:{versions.hex()}"
        try:
            theirs = await self._leased(name, versions, lease) if self._store.shared else None
            if theirs is not None:
                self.counts.hits += 1
                return theirs
        except Away:
            pass
        self.counts.made += 1
        try:
            packed = pack(await make(), model)
            await self._quietly(self._store.put(name, versions + packed, ttl_s))
            return packed
        finally:
            if self._store.shared:
                await self._quietly(self._store.delete(lease))

    async def _leased(self, name: str, versions: bytes, lease: str) -> bytes | None:
        """None: it is ours to make. Else what another process made meanwhile."""
        ends = asyncio.get_running_loop().time() + LEASE_WAIT_S
        while True:
            ours = await self._store.add(lease, b"1", LEASE_S)
            value = (await self._store.get_many([name])).get(name, b"")
            if value[:16] == versions:
                return value[16:]
            if ours or asyncio.get_running_loop().time() > ends:
                return None
            await asyncio.sleep(LEASE_POLL_S)

    # ---- versions

    def _owes(self, keys: Sequence[str]) -> bool:
        return bool(self._owed) and any(key in self._owed for key in keys)

    def _owe(self, keys: Iterable[str]) -> None:
        self._changes += 1
        self._owed.update(dict.fromkeys(keys, self._changes))
        if len(self._owed) > MOST_OWED:
            self._owed = dict.fromkeys(self._epochs.values(), self._changes)
        if self._owed:
            self._owing.set()

    async def _pay(self) -> bool:
        """Give all that is owed new versions; whether nothing is owed now."""
        async with self._paying:
            paying = self._owed.copy()
            if paying:
                done = await self._store.put_words({key: _new_version() for key in paying})
                for key in done:
                    if self._owed.get(key) == paying[key]:
                        del self._owed[key]
            if not self._owed:
                self._owing.clear()
            return not self._owed

    async def _quietly(self, doing: Awaitable[None]) -> None:
        with contextlib.suppress(Away):
            await doing

    def _version_keys(self, tags: Sequence[str]) -> list[str]:
        deciding = {self._version_key(tag) for tag in tags}
        deciding |= {self._version_key(tag.partition(":")[0] + ":*") for tag in tags if ":" in tag}
        return sorted(deciding)

    def _version_key(self, tag: str) -> str:
        return self._key("t", tag)

    def _epoch_key(self, node: str) -> str:
        """A key that is on this node."""
        tries = (self._key("e", node, str(number)) for number in range(10_000))
        return next(key for key in tries if self._store.node_of(key) == node)

    def _key(self, kind: str, *words: str) -> str:
        named = blake2b("\0".join(words).encode(), digest_size=16).hexdigest()
        return f"u{kind}{self._space}{named}"


def _told(tags: Iterable[str]) -> set[str]:
    """What a change of these is a change of: of the list, and for a whole kind, of each of it."""
    found: set[str] = set()
    for tag in tags:
        kind, colon, _ = tag.partition(":")
        found |= {tag, kind} if colon else {kind, f"{kind}:*"}
    return found


def _new_version() -> bytes:
    return secrets.token_bytes(9)
