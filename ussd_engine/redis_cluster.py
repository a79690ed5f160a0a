"""A Redis Cluster: a link to each master, and every command to the one that holds its first key.

redis-py reads which node holds which slots; commands travel on our links. What is promised beyond what a
link promises:

- a command the cluster sends elsewhere (MOVED, ASK) goes there, and the map of slots is read again;
- one it cannot take just now (TRYAGAIN, CLUSTERDOWN, LOADING, a replica that is asked) is sent again
  until its time is up: such an answer means that nothing was done;
- one whose node is away waits, within its time, for that node or for the replica promoted in its place;
- one whose connection was lost after it was sent fails, as on a single link.
"""

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import hiredis
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from ussd_engine.errors import StoreError
from ussd_engine.redis_address import Address, tls_context
from ussd_engine.redis_link import RedisLink, ReplyError
from ussd_engine.redis_nodes import Node, Slots, read_slots
from ussd_engine.redis_place import HostPort, Place, shown

_TICK_S = 0.02
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5
_SPLIT_S = 0.1
"""A command of several keys of a slot that is being moved is refused until all are on one side. That
takes milliseconds, unless somebody stopped half-way: past this the caller is told, and may send them one
by one."""
_MOST_HOPS = 5  # at once; then it waits for the next tick
_UNUSED_S = 30.0
_NOT_DONE = ("CLUSTERDOWN", "LOADING", "READONLY", "MASTERDOWN")

_FIRST_KEY = {"EVAL": 3, "EVALSHA": 3, "PING": 0, "ECHO": 0, "SCRIPT": 0, "INFO": 0, "TIME": 0}
"""Where the first key stands, 0 for none; 1 for all that are not named here and have arguments."""


class Errand:
    """One command on its way, until its future has the reply. It waits in a link's pipeline itself."""

    __slots__ = (
        "command", "deadline", "future", "hops", "kept", "node", "out", "packed", "slot", "split_at",
        "store", "why",
    )  # fmt: skip

    def __init__(self, store: "ClusterStore", command: tuple[Any, ...], deadline: float) -> None:
        self.store = store
        self.command = command
        self.packed = hiredis.pack_command(command)
        self.slot = _slot_of(command)
        self.future: asyncio.Future[Any] = store.loop.create_future()
        self.deadline = deadline
        self.node: Node | None = None
        self.hops = 0
        self.kept = False  # on the list of those that were delayed
        self.out = False  # sent, and not answered
        self.split_at = 0.0
        self.why = ""

    def done(self) -> bool:
        """Whether a reply is of no use any more."""
        return self.future.done()

    def set_result(self, reply: Any) -> None:
        """The reply."""
        self.future.set_result(reply)

    def set_exception(self, error: StoreError) -> None:
        """No reply, or one that is an error: it may be that the command has to go elsewhere."""
        self.out = False
        self.store.answered(self, error)

    def exception(self) -> None:
        """Nothing to say: the future says it."""

    def fail(self, reason: str) -> None:
        """Whoever waits hears it."""
        if not self.future.done():
            self.future.set_exception(StoreError(reason))
            self.future.exception()  # nobody waiting is no fault of ours


class ClusterStore:
    """All masters of one cluster. See `redis_store.Store`."""

    def __init__(
        self, where: Place, *, timeout_s: float, max_in_flight: int, on_reconnect: Callable[[], None] | None
    ) -> None:
        self.single: RedisLink | None = None
        self._place = where
        self._timeout_s = timeout_s
        self._max_in_flight = max_in_flight
        self._on_reconnect = on_reconnect
        self._nodes: dict[HostPort, Node] = {}
        self._ranges: Slots = []
        self._slots: list[Node | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._delayed: list[Errand] = []
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._refreshing: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._stale = False
        self._closed = False
        self.loop: asyncio.AbstractEventLoop
        tls_context(where.options)  # here it is said what is wrong with a certificate

    async def open(self) -> None:
        """Read the map and connect to all masters. Raises StoreError when no node answers."""
        self.loop = asyncio.get_running_loop()
        self._take_over(await self._read_slots())
        if self._nodes:
            await asyncio.wait({node.opening for node in self._nodes.values()}, timeout=self._timeout_s)
        if not any(node.connected for node in self._nodes.values()):
            why = self.away()
            await self.close()
            raise StoreError(f"The Redis Cluster cannot be used: {why}")
        if self.away():
            self.refresh_soon()

    async def close(self) -> None:
        """Close for good; calls still waiting fail."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])
        await asyncio.gather(*self._leaving, *(node.close() for node in self._nodes.values()))
        for errand in self._delayed:
            errand.fail("the connection to Redis was closed")

    def call(self, *command: Any) -> "asyncio.Future[Any]":
        """Send one command to the node that holds its first key. The future gives the reply (bytes, int,
        list or None), or a StoreError."""
        errand = Errand(self, command, self.loop.time() + self._timeout_s)
        if self._closed:
            errand.fail("the connection to Redis is closed")
        else:
            self._send(errand)
        return errand.future

    def link_for(self, key: bytes | str) -> RedisLink:
        """The connection to the node that holds this key, as far as is known. Raises StoreError when there
        is none just now."""
        node = self._slots[_slot(key)]
        if node is None or node.link is None or not node.link.connected:
            raise StoreError("no connection to the node of this key just now")
        return node.link

    def away(self) -> str:
        """Which nodes cannot be reached just now, and which slots nobody has; empty when all is well."""
        lost: dict[HostPort, list[str]] = {}
        covered = 0
        for first, last, host in self._ranges:
            covered += last - first + 1
            node = self._nodes.get(host)
            if node is None or not node.connected:
                lost.setdefault(host, []).append(f"{first}-{last}")
        words = [f"{shown(host)} is away (slots {', '.join(ranges)})" for host, ranges in lost.items()]
        if covered < REDIS_CLUSTER_HASH_SLOTS:
            words.append(f"{REDIS_CLUSTER_HASH_SLOTS - covered} slots belong to no node")
        return "; ".join(words)

    async def ping(self) -> None:
        """Raises StoreError when no node answers."""
        links = [node.link for node in self._nodes.values() if node.link is not None and node.connected]
        replies = await asyncio.gather(*(link.call("PING") for link in links), return_exceptions=True)
        if not any(reply == b"PONG" for reply in replies):
            raise StoreError(f"no node of the Redis Cluster answers: {self.away()}")

    # -- a command's way -----------------------------------------------------------------------

    def _send(self, errand: Errand) -> None:
        node = self._slots[errand.slot] if errand.slot >= 0 else self._any()
        if node is None or not node.connected:
            where = shown(node.host) if node is not None else f"any node for slot {errand.slot}"
            errand.why = f"no connection to {where}"
            self._delay(errand)
            self.refresh_soon()
        else:
            self._put(errand, node)

    def _put(self, errand: Errand, node: Node) -> None:
        assert node.link is not None
        errand.out = True
        errand.node = node
        if not node.link.pipeline.submit(errand.packed, errand):
            errand.fail(f"{self._max_in_flight} commands are in flight to {shown(node.host)}")

    def answered(self, errand: Errand, error: StoreError) -> None:
        """An errand heard an error: send it where it belongs, keep it for later, or let it end."""
        word = str(error).partition(" ")[0]
        if isinstance(error, ReplyError) and word in ("MOVED", "ASK"):
            self._redirect(errand, str(error))
        elif isinstance(error, ReplyError) and word == "TRYAGAIN":
            self._try_again(errand, error)
        elif word in _NOT_DONE:
            errand.why = str(error)
            self._delay(errand)
            self.refresh_soon()
        else:
            errand.future.set_exception(error)

    def _redirect(self, errand: Errand, reply: str) -> None:
        assert errand.node is not None
        word, slot, target = reply.split(" ")[:3]
        name, _, port = target.rpartition(":")
        there = self._node_at((name or errand.node.host[0], int(port)))
        errand.hops += 1
        errand.why = reply
        if word == "MOVED":
            self._slots[int(slot)] = there
            self.refresh_soon()
        self._delay(errand)  # for its time: the next link begins to count anew
        if not there.connected or errand.hops > _MOST_HOPS:
            return
        if word == "ASK":
            assert there.link is not None
            there.link.call("ASKING").add_done_callback(_seen)  # both leave in one write
        self._put(errand, there)

    def _try_again(self, errand: Errand, error: ReplyError) -> None:
        """The keys of this command lie on two nodes, for a slot is being moved."""
        now = self.loop.time()
        errand.split_at = errand.split_at or now + _SPLIT_S
        if errand.command[0] == "MGET":
            errand.out = True
            parts = asyncio.gather(*(self.call("GET", key) for key in errand.command[1:]))
            parts.add_done_callback(partial(_hand_on, errand))
            self._delay(errand)
        elif now < errand.split_at:
            errand.why = str(error)
            self._delay(errand)
        else:
            errand.future.set_exception(error)

    def _delay(self, errand: Errand) -> None:
        """Keep it in sight: sent again at the next tick unless it is out, failed when its time is up."""
        if errand.kept:
            return
        if len(self._delayed) >= self._max_in_flight:
            errand.fail(f"{self._max_in_flight} commands wait for Redis: {errand.why}")
            return
        errand.kept = True
        self._delayed.append(errand)
        if "tick" not in self._timers:
            self._timers["tick"] = self.loop.call_later(_TICK_S, self._tick)

    def _tick(self) -> None:
        now = self.loop.time()
        kept = []
        for errand in self._delayed:
            if now >= errand.deadline:
                errand.fail(f"Redis did not answer in time: {errand.why}")
            if not errand.future.done():
                kept.append(errand)
        self._delayed = kept
        for errand in kept:
            if not errand.out:
                errand.hops = 0
                self._send(errand)
        del self._timers["tick"]
        if self._delayed and not self._closed:
            self._timers["tick"] = self.loop.call_later(_TICK_S, self._tick)

    # -- the map -------------------------------------------------------------------------------

    def refresh_soon(self) -> None:
        """Read the map of slots again, and go on until all nodes of it are connected."""
        self._stale = True
        if not self._closed and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = self.loop.create_task(self._refresh())

    async def _refresh(self) -> None:
        pause = _FIRST_PAUSE_S
        while self._stale or self.away():
            self._stale = False
            try:
                self._take_over(await self._read_slots())
            except StoreError:
                self._stale = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _read_slots(self) -> Slots:
        """Ask the nodes, one after the other, until one knows of all slots. Raises StoreError."""
        up = [host for host, node in self._nodes.items() if node.connected]
        random.shuffle(up)
        known: Slots = []
        why = StoreError("no node is known")
        for host in dict.fromkeys((*up, *self._place.hosts, *self._nodes)):
            try:
                slots = await read_slots(self._place, host)
            except StoreError as error:
                why = error
                continue
            if _covered(slots) > _covered(known):
                known = slots
            if _covered(known) == REDIS_CLUSTER_HASH_SLOTS:
                break
        if not known:
            raise why
        return known

    def _take_over(self, ranges: Slots) -> None:
        table: list[Node | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, host in ranges:
            table[first : last + 1] = [self._node_at(host)] * (last - first + 1)
        self._slots = table
        self._ranges = ranges
        if "leave" not in self._timers:
            self._timers["leave"] = self.loop.call_later(_UNUSED_S, self._leave_unused)

    def _leave_unused(self) -> None:
        """Close the links to nodes that hold nothing any more. Others wait on them no longer by now."""
        del self._timers["leave"]
        held = set(self._slots)
        now = self.loop.time()
        for host, node in list(self._nodes.items()):
            if node in held or now - node.used_at < _UNUSED_S:
                continue
            del self._nodes[host]
            leaving = self.loop.create_task(node.close())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        if not held.issuperset(self._nodes.values()):
            self._timers["leave"] = self.loop.call_later(_UNUSED_S, self._leave_unused)

    def _node_at(self, host: HostPort) -> Node:
        node = self._nodes.get(host)
        if node is None:
            node = self._nodes[host] = Node(self._place, host, self._new_link)
        node.used_at = self.loop.time()
        return node

    def _new_link(self, address: Address) -> RedisLink:
        return RedisLink(
            address,
            timeout_s=self._timeout_s,
            max_in_flight=self._max_in_flight,
            on_reconnect=self._on_reconnect,
            on_lost=self.refresh_soon,
        )

    def _any(self) -> Node | None:
        return next((node for node in self._nodes.values() if node.connected), None)


def _slot_of(command: tuple[Any, ...]) -> int:
    """The slot of the first key; -1 for a command without one."""
    first = _FIRST_KEY.get(command[0], 1)
    if first == 0 or len(command) <= first or (first == 3 and int(command[2]) == 0):
        return -1
    return _slot(command[first])


def _slot(key: bytes | str) -> int:
    return key_slot(key if isinstance(key, bytes) else key.encode())


def _covered(slots: Slots) -> int:
    return sum(last - first + 1 for first, last, _ in slots)


def _seen(reply: "asyncio.Future[Any]") -> None:
    """The reply to ASKING says nothing that the next one does not."""
    reply.exception()


def _hand_on(errand: Errand, parts: "asyncio.Future[list[Any]]") -> None:
    error = parts.exception()
    if errand.future.done():
        return
    if error is None:
        errand.future.set_result(parts.result())
    else:
        errand.future.set_exception(error)
