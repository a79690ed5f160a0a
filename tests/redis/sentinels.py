"""A master, its replica, and a real sentinel that watches them. All of them want a password."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.redis.servers import Server, until

SLOW_DAY_MS = 30_000
SENTINEL = """\
port {port}
dir {folder}
requirepass watch
sentinel monitor umoja 127.0.0.1 {master} 1
sentinel auth-pass umoja data
sentinel down-after-milliseconds umoja {down_after_ms}
sentinel failover-timeout umoja 2000
"""


@dataclass
class Watched:
    """A master, its replica, and a sentinel. Another sentinel is in the URL and away."""

    master: Server
    replica: Server
    sentinel: Server

    @property
    def url(self) -> str:
        hosts = f"127.0.0.1:1,{self.sentinel.host}"
        return f"redis+sentinel://:data@{hosts}/umoja/2?sentinel_password=watch"

    def fail_over(self) -> None:
        """Have the replica made the master, and the master a replica."""
        self.sentinel.ask("SENTINEL", "SET", "umoja", "down-after-milliseconds", SLOW_DAY_MS)
        until(self._promoted, "the replica was made the master")
        until(lambda: self.master.ask("ROLE")[0] == "slave", "the master was made a replica")
        self.master, self.replica = self.replica, self.master

    def _promoted(self) -> bool:
        if self.replica.ask("ROLE")[0] == "master":
            return True
        self.sentinel.ask("SENTINEL", "FAILOVER", "umoja")  # a try that finds no good replica is given up
        return False


@contextmanager
def watched(
    folder: Path, door: Callable[[Server], int] = lambda server: server.port, *, down_after_ms: int = 300
) -> Iterator[Watched]:
    """door: the port of a server that the others, and the sentinel, are told. down_after_ms: how long a
    master may be silent; with SLOW_DAY_MS none is left by itself."""
    secured = {"requirepass": "data", "masterauth": "data"}
    data = {"password": "data"}
    master = Server(folder / "master", secured, login=data)
    replica = Server(folder / "replica", secured, login=data)
    sentinel = Server(folder / "sentinel", login={"password": "watch"})
    seen = {server: str(door(server)) for server in (master, replica)}
    master._options |= {"replica-announce-port": seen[master]}
    replica._options |= {"replica-announce-port": seen[replica], "replicaof": f"127.0.0.1 {seen[master]}"}
    sentinel.sentinel = SENTINEL.format(
        port=sentinel.port, folder=sentinel.folder, master=seen[master], down_after_ms=down_after_ms
    )
    with master, replica:
        until(lambda: replica.ask("ROLE")[3] == "connected", "the replica follows")
        with sentinel:
            until(
                lambda: seen[replica] in str(sentinel.ask("SENTINEL", "REPLICAS", "umoja")),
                "the sentinel knows the replica",
            )
            for name, value in (("INFO-PERIOD", 100), ("PUBLISH-PERIOD", 100), ("TILT-TRIGGER", 60_000)):
                sentinel.ask("SENTINEL", "DEBUG", name, value)
            yield Watched(master, replica, sentinel)
