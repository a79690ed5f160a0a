"""Real Redis servers on this machine: alone, watched by sentinels, or as a cluster. They end with us."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError
from redis.retry import Retry

from loadtests.bench.processes import free_port
from ussd_engine.embedded import redis_binary
from ussd_engine.launch import ending_with_us

PATIENCE_S = 20.0


def until(true: Callable[[], Any], what: str) -> None:
    """Ask again and again, for a bounded time. It may raise RedisError, which is a no."""
    ends = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(RedisError, OSError):
            if true():
                return
        if time.monotonic() > ends:
            raise AssertionError(f"not in {PATIENCE_S:.0f} s: {what}")
        time.sleep(0.02)


class Server:
    """One redis-server. Options are those of redis.conf."""

    def __init__(
        self,
        folder: Path,
        options: dict[str, str] | None = None,
        *,
        login: dict[str, Any] | None = None,
    ) -> None:
        """login: redis-py's options for whoever may do everything."""
        self.folder = folder
        self.port = free_port()
        self.sentinel = ""  # its configuration, when it is one
        self._login = login or {}
        self._options = {"port": str(self.port)} | (options or {})
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(self, words: str, *more: Any) -> Any:
        """The plain reply to a command: text, a number or a list of these."""
        options = {"retry": Retry(NoBackoff(), 0), "socket_timeout": 2, "decode_responses": True}
        with redis.Redis(port=self.port, **(options | self._login)) as client:
            return client.execute_command(*words.split(), *more)

    def refusals(self, word: str) -> int:
        """How often it answered with an error that begins with this word."""
        return int(self.ask("INFO", "errorstats").get(f"errorstat_{word}", {"count": 0})["count"])

    def start(self, *, wait: bool = True) -> Self:
        self.folder.mkdir(exist_ok=True)
        command = [redis_binary()]
        if self.sentinel:
            file = self.folder / "sentinel.conf"
            file.write_text(self.sentinel)
            command += [str(file), "--sentinel"]
        options = {"dir": str(self.folder), "bind": "127.0.0.1", "logfile": str(self.folder / "log")}
        if not self.sentinel:
            options |= {"save": "", "repl-diskless-sync-delay": "0", "enable-debug-command": "local"}
        for name, value in (options | self._options).items():
            command += [f"--{name}", value]
        with (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen(
                [*ending_with_us(signal.SIGKILL), *command], stdout=out, stderr=subprocess.STDOUT
            )
        if wait:
            until(lambda: self.ask("PING"), f"{self.host} answers: {self.folder / 'log'}")
        return self

    def kill(self) -> None:
        """As a machine that loses its power."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It does nothing meanwhile, and its connections stay open."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


class Cluster:
    """Masters that share the slots, each with one replica; and one more node that holds none."""

    def __init__(self, folder: Path, masters: int = 3, options: dict[str, str] | None = None) -> None:
        common = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": "600",
            "cluster-config-file": "nodes.conf",
            "cluster-replica-validity-factor": "0",
            "cluster-allow-replica-migration": "no",
        }
        self.nodes = [
            Server(folder / str(n), common | {"cluster-port": str(free_port())} | (options or {}))
            for n in range(2 * masters + 1)
        ]
        self.masters, self.replicas = self.nodes[:masters], self.nodes[masters:-1]
        self.spare = self.nodes[-1]

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.kill()

    def id_of(self, node: Server) -> str:
        return str(node.ask("CLUSTER MYID"))

    def owner(self, slot: int) -> Server:
        """The node that holds a slot now, as it says itself."""
        return next(node for node in self.nodes if node.process is not None and _holds(node, slot))

    def holder(self, key: str) -> Server:
        """The node that holds a key now."""
        return self.owner(key_slot(key.encode()))

    def restore(self) -> None:
        """Start what was killed, and wait until all nodes know of all."""
        for node in self.nodes:
            if node.process is None:
                node.start()
        for node in self.nodes:
            until(lambda node=node: self._whole(node), f"{node.host} sees the whole cluster")

    def empty(self) -> None:
        """Forget all keys."""
        for node in self.nodes:
            if node.ask("ROLE")[0] == "master":
                node.ask("FLUSHALL")

    def begin_move(self, slot: int, to: Server) -> Server:
        """From now on keys of this slot may be on either side. The node it leaves."""
        source = self.owner(slot)
        to.ask("CLUSTER SETSLOT", slot, "IMPORTING", self.id_of(source))
        source.ask("CLUSTER SETSLOT", slot, "MIGRATING", self.id_of(to))
        return source

    def carry(self, slot: int, source: Server, to: Server, most: int = 1000) -> int:
        """Carry some keys of the slot over; how many."""
        keys = source.ask("CLUSTER GETKEYSINSLOT", slot, most)
        if keys:
            source.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)
        return len(keys)

    def end_move(self, slot: int, source: Server, to: Server) -> None:
        """Carry over what is left, and say who has it now."""
        while self.carry(slot, source, to):
            pass
        for node in (to, source):
            node.ask("CLUSTER SETSLOT", slot, "NODE", self.id_of(to))

    def move(self, slot: int, to: Server) -> None:
        """From begin to end."""
        self.end_move(slot, self.begin_move(slot, to), to)

    def _make(self) -> None:
        for node in self.nodes:
            node.start(wait=False)
        for number, node in enumerate(self.nodes):
            until(lambda node=node: node.ask("PING"), f"{node.host} answers")
            node.ask("CLUSTER SET-CONFIG-EPOCH", number + 1)
        size = 16384 // len(self.masters) + 1
        for number, node in enumerate(self.masters):
            node.ask("CLUSTER ADDSLOTSRANGE", number * size, min(16383, (number + 1) * size - 1))
        for node in self.nodes:
            for other in self.nodes:
                port = int(other._options["cluster-port"])
                node.ask("CLUSTER MEET", "127.0.0.1", other.port, port)
        for master, replica in zip(self.masters, self.replicas, strict=True):
            known = self.id_of(master)
            until(lambda r=replica, k=known: r.ask("CLUSTER REPLICATE", k), "the replica knows its master")
        self.restore()

    def _whole(self, node: Server) -> bool:
        lines = _known(node)
        replicas = sum("slave" in line.split()[2] for line in lines)
        odd = any(word in line for line in lines for word in ("fail", "handshake", "disconnected", "noaddr"))
        up = "cluster_state:ok" in node.ask("CLUSTER INFO")
        return up and not odd and len(lines) == len(self.nodes) and replicas == len(self.replicas)


def _known(node: Server) -> list[str]:
    """A line for each node of the cluster, as this one knows it."""
    return str(node.ask("CLUSTER NODES")).splitlines()


def _holds(node: Server, slot: int) -> bool:
    words = next(line for line in _known(node) if "myself" in line).split()
    ranges = [word.partition("-") for word in words[8:] if not word.startswith("[")]
    return "master" in words[2] and any(int(a) <= slot <= int(b or a) for a, _, b in ranges)
