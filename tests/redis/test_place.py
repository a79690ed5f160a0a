"""What a REDIS_URL means, and what is said of a wrong one."""

import pytest

from ussd_engine.errors import StoreError
from ussd_engine.redis_place import Kind, Place, parse, place


@pytest.mark.parametrize(
    ("url", "means"),
    [
        ("redis://", Place(Kind.SERVER, (("localhost", 6379),), options={"db": 0})),
        ("redis://cache:7000/3", Place(Kind.SERVER, (("cache", 7000),), options={"db": 3})),
        ("redis://cache?db=3", Place(Kind.SERVER, (("cache", 6379),), options={"db": 3})),
        ("redis://[::1]:7000/3", Place(Kind.SERVER, (("::1", 7000),), options={"db": 3})),
        ("redis://[::1]", Place(Kind.SERVER, (("::1", 6379),), options={"db": 0})),
        (
            "redis://:p%40ss@cache",
            Place(Kind.SERVER, (("cache", 6379),), options={"password": "p@ss", "db": 0}),
        ),
        (
            "rediss://me:pw@cache/1?ssl_ca_certs=/ca.pem&ssl_check_hostname=false&ssl_cert_reqs=none",
            Place(
                Kind.SERVER,
                (("cache", 6379),),
                options={
                    "ssl": True, "ssl_ca_certs": "/ca.pem", "ssl_check_hostname": False,
                    "ssl_cert_reqs": "none",
                    "username": "me", "password": "pw", "db": 1,
                },
            ),
        ),
        ("unix:///run/redis.sock", Place(Kind.SERVER, path="/run/redis.sock", options={"db": 0})),
        (
            "unix://me:pw@/run/a%20b.sock?db=4",
            Place(Kind.SERVER, path="/run/a b.sock", options={"username": "me", "password": "pw", "db": 4}),
        ),
        (
            "redis+sentinel://me:pw@one,two:7/tasks/2?sentinel_username=watcher&sentinel_password=w",
            Place(
                Kind.SENTINEL,
                (("one", 26379), ("two", 7)),
                master="tasks",
                options={"username": "me", "password": "pw", "db": 2},
                sentinel_options={"username": "watcher", "password": "w"},
            ),
        ),
        (
            "rediss+sentinel://one/tasks?ssl_ca_certs=/ca.pem",
            Place(
                Kind.SENTINEL,
                (("one", 26379),),
                master="tasks",
                options={"ssl": True, "ssl_ca_certs": "/ca.pem", "db": 0},
                sentinel_options={"ssl": True, "ssl_ca_certs": "/ca.pem"},
            ),
        ),
        (
            "redis+cluster://:pw@one:7000,two",
            Place(Kind.CLUSTER, (("one", 7000), ("two", 6379)), options={"password": "pw"}),
        ),
        ("rediss+cluster://one", Place(Kind.CLUSTER, (("one", 6379),), options={"ssl": True})),
    ],
)  # fmt: skip
def test_a_url_means(url: str, means: Place) -> None:
    assert parse(url) == means


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://cache", "a URL that begins with redis://"),
        ("redis:cache", "a URL that begins with redis://"),
        ("redis://cache:port/0", "a URL whose port is a number"),
        ("redis://cache:70000/0", "a URL whose port is a number"),
        ("redis://cache/zero", "ends with the number of the database"),
        ("redis://cache/0/1", "ends with the number of the database"),
        ("redis://one,two", r"one server; several are redis\+sentinel:// or redis\+cluster://"),
        ("redis://cache?ssl_ca_certs=/ca.pem", "of TLS to have `ssl_ca_certs`: it begins with rediss"),
        ("rediss://cache?ssl_ca_cert=/ca.pem", "without `ssl_ca_cert`; its options are db, ssl_ca_certs"),
        ("rediss://cache?ssl_check_hostname=maybe", "`ssl_check_hostname` true or false"),
        ("rediss://cache?ssl_cert_reqs=CERT_NONE", "`ssl_cert_reqs` required, optional or none"),
        ("redis://cache?sentinel_password=x", "without `sentinel_password`"),
        ("unix://run/redis.sock", "the whole path of a socket"),
        ("unix://", "the whole path of a socket"),
        ("redis+sentinel://one,two", "the name its sentinels know the master by"),
        ("redis+cluster://one/1", "without a database number"),
        ("redis+cluster://one?db=1", "without a database number"),
    ],
)
def test_a_wrong_url_is_told_what_it_must_be_and_never_its_password(url: str, said: str) -> None:
    secret = url.replace("://", "://someone:hunter2@", 1)
    with pytest.raises(StoreError, match=f"^REDIS_URL must be .*{said}.*") as raised:
        place(secret)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://me:hunter2@cache/1", "cache:6379"),
        ("redis://[::1]", "[::1]:6379"),
        ("unix://me:hunter2@/run/redis.sock", "/run/redis.sock"),
        ("redis+sentinel://me:hunter2@one,two/tasks", "tasks by one:26379, two:26379"),
        ("redis+cluster://me:hunter2@one,two:7", "one:6379, two:7"),
    ],
)
def test_a_place_is_shown_without_its_password(url: str, shown: str) -> None:
    assert place(url).shown == shown
