"""Idempotency-Key: once, whatever is sent twice, at once, or around a death."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from loadtests.bench.processes import free_port
from services.api.dispatch import REQUEST_ID
from services.api.operation import BASE
from services.tasks.upkeep import prune_all
from tests.api import toy
from tests.api.conftest import Api, together
from tests.services import world

BODY = {"amount_cents": 5}
KEY = {"Idempotency-Key": "3f1c-a-key"}


@pytest.fixture
async def toys(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with toy.served(api) as client:
        yield client


async def rows(api: Api) -> int:
    found: int = await api.pool.fetchval("select count(*) from toy")
    return found


async def test_the_same_again_is_answered_as_the_first_time_and_not_done(
    api: Api, toys: httpx.AsyncClient
) -> None:
    first = await toys.post("/toys", json=BODY, headers=KEY)
    again = await toys.post(
        "/toys", content=b'{ "amount_cents":5 }', headers=KEY | {"Content-Type": "application/json"}
    )
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (first.headers["Content-Type"], again.headers["Content-Type"]) == ("application/json",) * 2
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert REQUEST_ID.fullmatch(again.headers["X-Request-Id"])
    assert (await rows(api), len(await api.audit("body"))) == (1, 1)

    await toys.post("/toys", json=BODY)
    await toys.post("/toys", json=BODY)
    assert await rows(api) == 3


async def test_an_answer_without_a_body_is_kept_too(toys: httpx.AsyncClient) -> None:
    answers = [await toys.post("/toys/nothing", headers=KEY) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    assert answers[1].headers["Idempotency-Replayed"] == "true"


async def test_a_key_belongs_to_one_request_of_one_caller(api: Api, toys: httpx.AsyncClient) -> None:
    assert (await toys.post("/toys", json=BODY, headers=KEY)).status_code == 200
    for path, body in (
        ("/toys", {"amount_cents": 6}),
        ("/toys", BODY | {"note": ""}),
        ("/toys/nothing", None),
    ):
        answer = await toys.post(path, json=body, headers=KEY)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/key-reused"), (path, body)
    one, two = [
        await toys.post(f"/toys/wrong/{how}", headers={"Idempotency-Key": "k"}) for how in ("same", "ours")
    ]
    assert (one.status_code, two.status_code) == (409, 500)
    authorization = (await api.another("officer", "second")).headers["Authorization"]
    other = await toys.post("/toys", json=BODY, headers=KEY | {"Authorization": authorization})
    assert (other.status_code, "Idempotency-Replayed" in other.headers) == (200, False)
    assert await rows(api) == 2


async def test_a_refusal_is_not_kept_so_the_key_is_still_good(api: Api, toys: httpx.AsyncClient) -> None:
    await api.pool.execute("alter table toy add constraint later check (amount <> 5)")
    assert (await toys.post("/toys", json=BODY, headers=KEY)).status_code == 409
    await api.pool.execute("alter table toy drop constraint later")
    done = await toys.post("/toys", json=BODY, headers=KEY)
    assert (done.status_code, "Idempotency-Replayed" in done.headers) == (200, False)


async def test_while_one_is_being_done_the_other_is_told_so_and_does_not_wait(
    api: Api, toys: httpx.AsyncClient
) -> None:
    gate = toy.GATES["a"] = toy.Gate()
    first = asyncio.create_task(toys.post("/toys/gate/a", json=BODY, headers=KEY))
    await gate.entered.wait()
    second = await toys.post("/toys/gate/a", json=BODY, headers=KEY)
    assert (second.status_code, second.json()["type"]) == (409, "/problems/in-progress")
    assert second.headers["Retry-After"] == "1"
    gate.go.set()
    assert (await first).json() == {"times": 1}
    third = await toys.post("/toys/gate/a", json=BODY, headers=KEY)
    assert (third.json(), third.headers["Idempotency-Replayed"]) == ({"times": 1}, "true")


async def test_of_ten_at_once_one_is_done(api: Api, toys: httpx.AsyncClient) -> None:
    answers = await together(*(toys.post("/toys", json=BODY, headers=KEY) for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    done = [answer for answer in answers if answer.status_code == 200]
    assert sum("Idempotency-Replayed" not in answer.headers for answer in done) == 1
    assert await rows(api) == 1


async def test_effects_get_a_key_of_their_own_that_is_the_same_only_under_the_same_key(
    api: Api, toys: httpx.AsyncClient
) -> None:
    for name in ("1", "2", "3"):
        gate = toy.GATES[name] = toy.Gate()
        gate.go.set()
    await toys.post("/toys/gate/1", json=BODY, headers=KEY)
    await api.pool.execute("delete from api_reply")  # as if it were pruned
    await toys.post("/toys/gate/1", json=BODY, headers=KEY)
    await toys.post("/toys/gate/2", json=BODY)
    await toys.post("/toys/gate/3", json=BODY)
    notes = [row["note"] for row in await api.pool.fetch("select note from toy")]
    assert len(notes) == 4
    assert len(set(notes)) == 3
    assert all(len(note) == 36 and note.startswith("api:") for note in notes)


async def test_a_key_is_1_to_128_visible_characters(toys: httpx.AsyncClient) -> None:
    for key in ("", "a b", "x" * 129, "\u00e9".encode()):
        answer = await toys.post("/toys", json=BODY, headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "header.Idempotency-Key")
    assert (await toys.post("/toys", json=BODY, headers={"Idempotency-Key": "~" * 128})).status_code == 200


async def test_kept_replies_are_sealed_and_go_after_two_days(
    api: Api, toys: httpx.AsyncClient, pg_url: str
) -> None:
    await toys.post("/toys", json=BODY | {"note": "shown once"}, headers=KEY)
    assert b"shown once" not in await api.pool.fetchval("select body from api_reply")
    assert (await prune_all(pg_url))["replies"] == 0
    await api.pool.execute("update api_reply set created_at = now() - interval '49 hours'")
    assert (await prune_all(pg_url))["replies"] == 1


class Server:
    """`ussd serve` on the test's database, in a process that can be killed."""

    def __init__(self, api: Api, failpoint: str, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / f"{failpoint}.log"
        environment = os.environ | {
            "DATABASE_URL": api.settings.database_url, "REDIS_URL": api.settings.redis_url,
            "ENV": "development", "USSD_SECRET": world.SECRET.decode(), "USSD_FAILPOINT": failpoint,
        }  # fmt: skip
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ussd_engine.cli", "serve", "--port", str(self.port)],
                env=environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    async def post(self, path: str, **more: Any) -> httpx.Response:
        """Once it answers."""
        deadline = time.monotonic() + 60
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}{BASE}", verify=False) as client:
            while True:
                try:
                    return await client.post(path, **more)
                except httpx.ConnectError:
                    if time.monotonic() > deadline or self.process.poll() is not None:
                        pytest.fail(f"the server does not answer:\n{self.log.read_text()}")
                    await asyncio.sleep(0.05)

    async def dies(self) -> None:
        code = await asyncio.to_thread(self.process.wait, 30)
        assert code == -signal.SIGKILL


@pytest.mark.slow
async def test_killed_before_the_commit_nothing_is_there_and_after_it_the_reply_is(
    api: Api, tmp_path: Path
) -> None:
    headers = {"Authorization": api.as_("admin").headers["Authorization"]}
    for failpoint, there in (("api.changed", 0), ("api.committed", 1)):
        email = f"{failpoint}@example.org"
        body = {"email": email, "role": "viewer"}
        key = {"Idempotency-Key": failpoint}
        server = Server(api, failpoint, tmp_path)
        with pytest.raises(httpx.RemoteProtocolError):
            await server.post("/admin/staff", json=body, headers=headers | key)
        await server.dies()
        found = await api.pool.fetchval("select count(*) from staff where email = $1", email)
        audited = await api.pool.fetchval("select count(*) from audit where subject = $1", f"staff:{email}")
        assert (found, audited) == (there, there)

        again = await api.as_("admin").post("/admin/staff", json=body, headers=key)
        assert again.status_code == 201
        assert again.headers.get("Idempotency-Replayed") == ("true" if there else None)
        assert again.json()["person"]["email"] == email
        assert again.json()["password"]
        assert await api.pool.fetchval("select count(*) from staff where email = $1", email) == 1
