"""What a REDIS_URL says: one server, sentinels that know it, or a cluster.

    redis://user:password@host:6379/0             rediss:// the same by TLS
    unix:///run/redis.sock?db=0
    redis+sentinel://user:password@h1:26379,h2:26379/mymaster/0
    redis+cluster://user:password@h1:7000,h2:7001

Options after `?` have redis-py's names. TLS for sentinels and clusters: rediss+sentinel://,
rediss+cluster://; all their nodes then share the certificates named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ussd_engine.errors import StoreError

SCHEMES = (
    "redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster",
)  # fmt: skip
TLS_OPTIONS = (
    "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname", "ssl_cert_reqs", "ssl_ciphers",
)  # fmt: skip
SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")
_PORTS = {"server": 6379, "sentinel": 26379, "cluster": 6379}
_YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

# For every redis-py client: no CLIENT SETINFO. The user of docs/running.md may not send it, nor can Redis 7.0
# be told to allow it.
NAMELESS: Mapping[str, Any] = {"driver_info": None}

HostPort = tuple[str, int]


class Kind(Enum):
    """How the server of a key is found."""

    SERVER = "server"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Place:
    """Where Redis is. `hosts` are the server, the sentinels or some nodes of the cluster; none when it is
    the socket file `path`. `options` are keyword arguments of a redis-py client, without host and port."""

    kind: Kind
    hosts: tuple[HostPort, ...] = ()
    path: str = ""
    master: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    sentinel_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The place without its password, for messages."""
        hosts = ", ".join(shown(host) for host in self.hosts)
        return f"{self.master} by {hosts}" if self.kind is Kind.SENTINEL else hosts or self.path


def shown(host: HostPort) -> str:
    """`host:port`, as one writes it in a URL."""
    name, port = host
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def place(url: str) -> Place:
    """Read a URL. Raises StoreError with what is wrong; never with the password."""
    try:
        return parse(url)
    except ValueError as error:
        raise StoreError(f"REDIS_URL must be {error}.") from None


def parse(url: str) -> Place:
    """Read a URL. Raises ValueError with what it must be."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or "://" not in url:
        raise ValueError(f"a URL that begins with {' or '.join(f'{scheme}://' for scheme in SCHEMES)}")
    secure, _, way = parts.scheme.partition("+")
    kind = Kind(way or "server")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    options = _options(kind, tls=secure == "rediss", given=given)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    if user:
        options["username"] = unquote(user)
    if password:
        options["password"] = unquote(password)
    if parts.scheme == "unix":
        if hosts or not parts.path:
            raise ValueError("unix:// and the whole path of a socket, as in unix:///run/redis.sock?db=0")
        return Place(kind, path=unquote(parts.path), options=_with_database(options, given.get("db")))
    where = tuple(_host(text, _PORTS[kind.value]) for text in hosts.split(","))
    path = [unquote(part) for part in parts.path.split("/") if part]
    if kind is Kind.CLUSTER:
        if path or given.get("db", "0") != "0":
            raise ValueError("without a database number: a cluster has only one")
        return Place(kind, where, options=options)
    if kind is Kind.SENTINEL:
        if not path:
            raise ValueError(
                "redis+sentinel:// with the name its sentinels know the master by,"
                " as in redis+sentinel://h1:26379,h2:26379/mymaster/0"
            )
        master, *path = path
        theirs = {name.removeprefix("sentinel_"): given[name] for name in SENTINEL_OPTIONS if name in given}
        theirs |= {name: value for name, value in options.items() if name.startswith("ssl")}
    elif len(where) > 1:
        raise ValueError("redis:// with one server; several are redis+sentinel:// or redis+cluster://")
    if len(path) > 1:
        raise ValueError("a URL that ends with the number of the database, as in redis://localhost:6379/0")
    options = _with_database(options, path[0] if path else given.get("db"))
    if kind is Kind.SENTINEL:
        return Place(kind, where, master=master, options=options, sentinel_options=theirs)
    return Place(kind, where, options=options)


def _options(kind: Kind, *, tls: bool, given: Mapping[str, str]) -> dict[str, Any]:
    known = {"db"} | (set(TLS_OPTIONS) if tls else set())
    known |= set(SENTINEL_OPTIONS) if kind is Kind.SENTINEL else set()
    for name in given:
        if name in TLS_OPTIONS and not tls:
            raise ValueError(f"of TLS to have `{name}`: it begins with rediss")
        if name not in known:
            raise ValueError(f"without `{name}`; its options are {', '.join(sorted(known))}")
    options: dict[str, Any] = {"ssl": True} if tls else {}
    options |= {name: given[name] for name in TLS_OPTIONS if name in given}
    if "ssl_check_hostname" in options:
        if (word := given["ssl_check_hostname"].lower()) not in _YES_OR_NO:
            raise ValueError("with `ssl_check_hostname` true or false")
        options["ssl_check_hostname"] = _YES_OR_NO[word]
    if options.get("ssl_cert_reqs", "none") not in ("none", "optional", "required"):
        raise ValueError("with `ssl_cert_reqs` required, optional or none")
    return options


def _with_database(options: dict[str, Any], number: str | None) -> dict[str, Any]:
    if number is not None and not (number.isascii() and number.isdigit()):
        raise ValueError("a URL that ends with the number of the database, as in redis://localhost:6379/0")
    return options | {"db": int(number or 0)}


def _host(text: str, usual_port: int) -> HostPort:
    name, _, port = text.rpartition(":") if not text.endswith("]") and ":" in text else (text, "", "")
    if port and not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError("a URL whose port is a number")
    return unquote(name).strip("[]") or "localhost", int(port or usual_port)
