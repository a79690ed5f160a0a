"""The session record in Redis: compare-and-set, expiry, and what is never in it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from ussd_engine.errors import StoreError
from ussd_engine.redis_link import RedisLink
from ussd_engine.sessions import Claim, Session, Sessions

MSISDN, CODE, SERVICE = "254712345678", "*384*89598#", "shop"
KEY = f"ussd:{{{MSISDN}}}:{CODE}"


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[RedisLink]:
    link = RedisLink(redis_url)
    await link.open()
    yield link
    await link.close()


class ForgetfulLink(RedisLink):
    """Loses the connection after Redis has done the next script and before it can say so."""

    losing = False

    def call(self, *command: Any) -> "asyncio.Future[Any]":
        if not (self.losing and command[0] == "EVALSHA"):
            return super().call(*command)
        self.losing = False
        return asyncio.ensure_future(self._lose(super().call(*command)))

    async def _lose(self, done: "asyncio.Future[Any]") -> Any:
        await done
        raise StoreError("the connection to Redis was lost")


@pytest.fixture
async def forgetful(redis_url: str) -> AsyncIterator[ForgetfulLink]:
    link = ForgetfulLink(redis_url)
    await link.open()
    yield link
    await link.close()


def session(**fields: object) -> Session:
    return Session("at", "s1", "b1", {"state": "main", "language": "en"}, **fields)  # type: ignore[arg-type]


async def test_what_is_saved_is_loaded(link: RedisLink) -> None:
    sessions = Sessions(link, "secret")
    saved = session(consumed=5, digest="d", reply="Hello", turn=2, claim=Claim(5, "d", 9))
    assert await sessions.save(MSISDN, CODE, SERVICE, saved, 60, {"name": "Amina"})
    loaded, profile = await sessions.load(MSISDN, CODE, SERVICE)
    assert (loaded, profile) == (saved, {"name": "Amina"})
    assert loaded is not None
    assert loaded.rev == saved.rev


async def test_of_two_saves_of_one_revision_one_is_refused(link: RedisLink) -> None:
    sessions = Sessions(link, "secret")
    assert await sessions.save(MSISDN, CODE, SERVICE, session(), 60)
    (one, _), (other, _) = await asyncio.gather(*(sessions.load(MSISDN, CODE, SERVICE) for _ in range(2)))
    assert one is not None
    assert other is not None
    assert await sessions.save(MSISDN, CODE, SERVICE, one, 60)
    assert not await sessions.save(MSISDN, CODE, SERVICE, other, 60)
    assert await sessions.save(MSISDN, CODE, SERVICE, one, 60)


async def test_a_new_session_is_refused_where_there_is_one(link: RedisLink) -> None:
    sessions = Sessions(link, "secret")
    results = await asyncio.gather(*(sessions.save(MSISDN, CODE, SERVICE, session(), 60) for _ in range(20)))
    assert sorted(results) == [False] * 19 + [True]


async def test_a_save_that_happened_while_its_answer_was_lost_has_happened(forgetful: ForgetfulLink) -> None:
    """A claim refused to its own owner would make him wait for himself."""
    sessions = Sessions(forgetful, "secret")
    saved = session()
    for claim in (None, Claim(5, "d", 9), None):
        saved.claim = claim
        forgetful.losing = True
        assert await sessions.save(MSISDN, CODE, SERVICE, saved, 60)
    assert (await sessions.load(MSISDN, CODE, SERVICE))[0] == saved


async def test_a_save_that_lost_its_answer_and_was_followed_by_another_is_refused(
    forgetful: ForgetfulLink,
) -> None:
    sessions = Sessions(forgetful, "secret")
    assert await sessions.save(MSISDN, CODE, SERVICE, session(), 60)
    forgetful.losing = True
    assert not await sessions.save(MSISDN, CODE, SERVICE, session(), 60)


async def test_a_session_that_was_emptied_away_is_not_taken_for_its_revision(link: RedisLink) -> None:
    sessions = Sessions(link, "secret")
    saved = session()
    assert await sessions.save(MSISDN, CODE, SERVICE, saved, 60)
    await link.call("FLUSHALL")
    assert not await sessions.save(MSISDN, CODE, SERVICE, saved, 60)


async def test_scripts_that_redis_forgot_are_sent_again(link: RedisLink) -> None:
    await link.call("SCRIPT", "FLUSH")
    assert await Sessions(link, "secret").save(MSISDN, CODE, SERVICE, session(), 60)


async def test_a_session_expires(link: RedisLink) -> None:
    await Sessions(link, "secret").save(MSISDN, CODE, SERVICE, session(), 60, {"name": "A"}, 30)
    assert 59_000 < await link.call("PTTL", KEY) <= 60_000
    assert 29_000 < await link.call("PTTL", f"ussd:{{{MSISDN}}}:profile:shop") <= 30_000


async def test_a_session_past_its_bound_is_refused(link: RedisLink) -> None:
    with pytest.raises(ValueError, match="the most is 300"):
        await Sessions(link, "secret", 300).save(MSISDN, CODE, SERVICE, session(reply="x" * 300), 60)


async def test_the_record_reads_as_json_and_begins_with_its_revision(link: RedisLink) -> None:
    saved = session()
    await Sessions(link, "secret").save(MSISDN, CODE, SERVICE, saved, 60)
    record = orjson.loads(await link.call("GET", KEY))
    assert next(iter(record)) == "rev"
    assert (record["rev"], record["id"]) == (saved.rev, "s1")


def test_digests_tell_nothing_without_the_secret(link: RedisLink) -> None:
    one, other = Sessions(link, "one"), Sessions(link, "other")
    assert one.digest("1*500*1234") == one.digest("1*500*1234")
    assert one.digest("1*500*1234") != other.digest("1*500*1234")
