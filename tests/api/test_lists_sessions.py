"""Live dialogs, page by page, out of one Redis and of a cluster: all of them, by looks that have a bound."""

import csv
import io
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.api.calls import Identity, Read
from services.api.desk import Desk
from services.api.lists import sessions
from services.api.lists.sessions import SessionQuery, list_sessions
from services.api.lists.sessions import Sessions as Listed
from services.api.permissions import ROLES, Role
from services.api.problems import Problem
from tests.redis.conftest import cluster, running_cluster  # noqa: F401 - fixtures
from tests.redis.servers import Cluster
from ussd_engine.redis_clients import client
from ussd_engine.redis_store import open_store
from ussd_engine.sessions import Session, Sessions
from ussd_engine.settings import Settings

CODE = "*384*89598#"
MANY = 90


@pytest.fixture(params=["one Redis", "a cluster"])
def url(request: pytest.FixtureRequest, redis_url: str) -> str:
    if request.param == "one Redis":
        return redis_url
    made: Cluster = request.getfixturevalue("cluster")
    for node in made.masters:
        node.ask("FLUSHALL")
    return f"redis+cluster://{made.masters[0].host},{made.masters[1].host}"


async def fill(url: str, numbers: list[str]) -> None:
    """A dialog for each: every tenth is over, and each has a profile beside it."""
    store = await open_store(url)
    kept = Sessions(store, "a secret")
    for place, number in enumerate(numbers):
        dialog = {"state": "pin", "language": "sw", "vars": {"national_id": "23456789"}}
        times = {"started": 1_700_000_000_000, "seen": 1_700_000_060_000}
        session = Session("africastalking", f"ATUid_{number}", "3f0a1b2c", dialog, reply="KES 4,900",
                          turn=3, more=place % 10 != 0, **times)  # fmt: skip
        assert await kept.save(number, CODE, "umoja", session, 60, profile={"name": "Wanjiru"})
    await store.close()


@pytest_asyncio.fixture
async def call(url: str) -> AsyncIterator[Read]:
    redis = client(url)
    who = Identity("person", 1, "a@example.org", ROLES[Role.ADMIN], Role.ADMIN)
    yield Read(Desk(Settings(_env_file=None, env="test"), None, redis), who, "r", "127.0.0.1")
    await redis.aclose()


async def walk(call: Read, limit: int) -> list[Any]:
    pages: list[Listed] = []
    cursor: str | None = None
    for _ in itertools.count():
        pages.append(await list_sessions(call, query=SessionQuery(limit=limit, cursor=cursor)))
        cursor = pages[-1].next
        if cursor is None:
            break
    return [item for page in pages for item in page.items]


async def test_every_dialog_that_goes_on_is_found_and_nothing_it_said(
    call: Read, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LOOKED_AT", 7)
    numbers = [f"2547{number:08}" for number in range(1_000, 1_000 + MANY)]
    await fill(url, numbers)
    expected = {f"2547***{number[-3:]}" for place, number in enumerate(numbers) if place % 10}
    for limit in (1, 20, 500):
        found = await walk(call, limit)
        assert {item.msisdn for item in found} == expected
        text = str([item.model_dump_json() for item in found])
        assert all(secret not in text for secret in ("23456789", "4,900", "Wanjiru", "ATUid", "2547000"))
    assert (found[0].state, found[0].language, found[0].turns, found[0].code) == ("pin", "sw", 3, CODE)
    assert found[0].age_s - found[0].idle_s == 60


async def test_a_page_looks_no_further_than_it_may(
    call: Read, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one look at a time a page may be empty and still say where to go on."""
    monkeypatch.setattr(sessions, "LOOKED_AT", 1)
    monkeypatch.setattr(sessions, "LOOKS", 1)
    await fill(url, [f"2547{number:08}" for number in range(2_001, 2_012)])
    first = await list_sessions(call, query=SessionQuery(limit=500))
    assert first.next is not None
    assert len(first.items) < 11
    assert len({item.msisdn for item in await walk(call, 500)}) == 9


async def test_without_redis_it_is_said(call: Read) -> None:
    call.desk.redis = client("redis://127.0.0.1:1/0")
    with pytest.raises(Problem, match="Redis does not answer"):
        await list_sessions(call, query=SessionQuery())
    call.desk.redis = None
    with pytest.raises(Problem, match="no Redis"):
        await list_sessions(call, query=SessionQuery())


async def test_all_of_them_are_a_file(url: str, call: Read) -> None:
    numbers = [f"2547{place:08d}" for place in range(MANY)]
    await fill(url, numbers)
    answer = await list_sessions(call, SessionQuery(format="csv"))
    text = b"".join([chunk async for chunk in answer.chunks]).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == MANY - MANY // 10
    assert {row["state"] for row in rows} == {"pin"}
    assert not any(number in text for number in numbers)
