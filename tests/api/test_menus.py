"""Menus that two people publish: checked, proposed, decided, published once, followed by all servers."""

import asyncio
import csv
import io
from typing import Any

import httpx

from services import menu_changes
from services.app import service
from tests.api.conftest import Api, together
from tests.api.lending import change, key, problem
from tests.services.world import FOLDER
from ussd_engine.bundles import Bundles
from ussd_engine.observe import Board

SOURCES = {path.name: path.read_text() for path in FOLDER.glob("*.yaml")}


def new_words(mark: str) -> dict[str, str]:
    """The menus with another comment: another version."""
    return {**SOURCES, "main.yaml": SOURCES["main.yaml"] + f"\n# {mark}\n"}


async def propose(api: Api, sources: dict[str, str], role: str = "product") -> httpx.Response:
    body = {"sources": sources, "note": "Shorter words on the first screen"}
    return await api.as_(role).post("/admin/menus", json=body, headers=key())


async def decide(api: Api, number: int, verdict: str = "approve", role: str = "admin") -> httpx.Response:
    path = f"/admin/menus/changes/{number}/{verdict}"
    return await api.as_(role).post(path, json={"note": "read it all"}, headers=key())


async def menus(api: Api) -> Any:
    return (await api.as_("product").get("/admin/menus")).json()


async def live_in_a_moment(api: Api, version: str) -> None:
    """The server follows what is published, by Redis' message."""
    async with asyncio.timeout(10):
        while api.desk.bundles.live()["umoja"].name != version:
            await asyncio.sleep(0.01)


async def worker(api: Api) -> Bundles:
    """What a worker publishes with."""
    return await Bundles.open(api.settings, Board(), follow=False, plugins={"umoja": Quiet()})


class Quiet:
    """The lender, without taking its pool from the server of this process."""

    registry = service.registry
    load = service.load

    async def start(self, runtime: Any) -> None:
        """Nothing."""

    async def stop(self) -> None:
        """Nothing."""


async def test_what_is_wrong_is_said_with_its_place_and_is_not_proposed(api: Api) -> None:
    broken = {**SOURCES, "main.yaml": SOURCES["main.yaml"].replace("to: ", "to: nowhere_", 1)}
    said = await api.as_("product").post("/admin/menus/check", json={"sources": broken})
    assert said.status_code == 200, said.text
    found = said.json()
    assert found["ok"] is False
    (first, *_) = [each for each in found["findings"] if "nowhere_" in each["message"]]
    assert (first["file"], first["severity"]) == ("main.yaml", "error")
    line = broken["main.yaml"].splitlines()[first["line"] - 1]
    assert "nowhere_" in line[first["column"] - 1 :]

    refused = await propose(api, broken)
    assert problem(refused) == (422, "invalid")
    assert any(each["where"].startswith("main.yaml:") for each in refused.json()["errors"])
    assert (await menus(api))["waiting"] == []
    assert problem(await propose(api, {"../service.yaml": "x"})) == (422, "invalid")
    assert problem(await propose(api, SOURCES)) == (409, "conflict")  # this is live


async def test_two_people_publish_and_all_servers_follow_once(api: Api) -> None:
    before = (await menus(api))["live"]
    proposed = (await propose(api, new_words("one"))).json()
    assert (proposed["live"], proposed["service"]) == (before, "umoja")
    version, number = proposed["version"], proposed["approval_id"]
    files = (await api.as_("viewer").get(f"/admin/menus/{version}")).json()
    assert {each["path"]: each["text"] for each in files["files"]} == new_words("one")
    assert problem(await decide(api, number, role="product")) == (409, "same-person")
    assert problem(await decide(api, number, role="approver")) == (403, "forbidden")
    approver = await api.another("approver", "loans-only")
    generic = await approver.post(f"/admin/approvals/{number}/approve", json={}, headers=key())
    assert problem(generic) == (403, "forbidden")

    other = await api.another("product", "second")
    path = f"/admin/menus/changes/{number}/approve"
    answers = await together(
        api.as_("admin").post(path, json={}, headers=key()), other.post(path, json={}, headers=key())
    )
    assert sorted(each.status_code for each in answers) == [200, 409]
    (done,) = [each.json() for each in answers if each.status_code == 200]
    assert done["state"] == "waiting"
    assert (await menus(api))["live"] == before
    _, after, _ = await change(api, "approve_menus", f"approval:{number}")
    assert after["kind"] == "menu_publish"

    bundles = await worker(api)
    change_id = await api.pool.fetchval("select id from menu_change")
    assert await together(*(menu_changes.publish(api.pool, bundles, change_id) for _ in range(3)))
    await live_in_a_moment(api, version)
    now = await menus(api)
    assert (now["live"], now["versions"][0]["version"], now["waiting"]) == (version, version, [])
    assert now["versions"][0]["published_by"] == f"product@example.org, {done['decision']['decided_by']}"
    assert len(now["versions"]) == 2
    await bundles.close()


async def test_the_versions_are_a_file_too(api: Api) -> None:
    answer = await api.as_("product").get("/admin/menus", params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    versions = (await menus(api))["versions"]
    assert versions
    assert [(row["version"], row["live"]) for row in rows] == [
        (each["version"], str(each["live"])) for each in versions
    ]


async def test_a_worker_that_died_after_publishing_is_caught_up_without_publishing_twice(api: Api) -> None:
    number = (await propose(api, new_words("one"))).json()["approval_id"]
    await decide(api, number)
    bundles = await worker(api)
    change_id = await api.pool.fetchval("select id from menu_change")
    assert await menu_changes.publish(api.pool, bundles, change_id) == "published"
    await api.pool.execute("update menu_change set state = 'waiting', done_at = null")

    assert await menu_changes.publish(api.pool, bundles, change_id) == "published"
    assert await api.pool.fetchval("select count(*) from bundle_publication") == 2
    await bundles.close()


async def test_a_change_that_comes_late_gives_way_to_a_later_one(api: Api) -> None:
    first = (await propose(api, new_words("one"))).json()
    second = (await propose(api, new_words("two"))).json()
    await decide(api, first["approval_id"])
    await decide(api, second["approval_id"])
    ids = [row["id"] for row in await api.pool.fetch("select id from menu_change order by id")]
    bundles = await worker(api)

    assert await menu_changes.publish(api.pool, bundles, ids[1]) == "published"
    assert await menu_changes.publish(api.pool, bundles, ids[0]) == "superseded"
    assert (await menus(api))["live"] == second["version"]
    await bundles.close()


async def test_what_was_published_by_hand_since_wins_over_a_decision(api: Api) -> None:
    first = (await propose(api, new_words("one"))).json()
    await decide(api, first["approval_id"])
    bundles = await worker(api)
    by_hand = await bundles.publish(new_words("emergency"), "somebody at the server")
    change_id = await api.pool.fetchval("select id from menu_change")

    assert await menu_changes.publish(api.pool, bundles, change_id) == "superseded"
    assert (await menus(api))["live"] == by_hand.name
    await bundles.close()


async def test_a_proposal_is_for_the_menus_that_were_live(api: Api) -> None:
    number = (await propose(api, new_words("one"))).json()["approval_id"]
    bundles = await worker(api)
    await bundles.publish(new_words("meanwhile"), "somebody at the server")

    refused = await decide(api, number)
    assert problem(refused) == (409, "conflict")
    assert "Propose it again" in refused.json()["detail"]
    assert (await decide(api, number, "reject")).json()["state"] == "rejected"
    await bundles.close()


async def test_an_older_version_is_live_again_when_two_agree(api: Api) -> None:
    older = (await menus(api))["live"]
    bundles = await worker(api)
    newer = await bundles.publish(new_words("one"), "somebody at the server")
    body = {"version": older, "note": "People cannot find the loan menu"}
    product = api.as_("product")
    same = await product.post("/admin/menus/rollback", json={**body, "version": newer.name}, headers=key())
    assert problem(same) == (409, "conflict")
    never = {**body, "version": "0123456789ab"}
    assert problem(await product.post("/admin/menus/rollback", json=never, headers=key())) == (
        409,
        "conflict",
    )

    number = (await product.post("/admin/menus/rollback", json=body, headers=key())).json()["approval_id"]
    generic = await api.as_("admin").post(f"/admin/approvals/{number}/approve", json={}, headers=key())
    assert generic.json()["kind"] == "menu_rollback"
    change_id = await api.pool.fetchval("select id from menu_change")
    await menu_changes.publish(api.pool, bundles, change_id)
    now = await menus(api)
    assert now["live"] == older
    assert now["versions"][0]["note"] == "rollback: People cannot find the loan menu"
    await bundles.close()
