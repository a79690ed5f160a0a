"""Messages to many: counted and priced, agreed to, once each, honoured opt-outs, progress, stopped."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from services import clock, published
from services.sandbox.server import Running
from services.sms import bulk, sending
from services.sms.client import AfricasTalking
from services.sms.settings import SmsSettings
from tests.api.conftest import Api, together
from tests.api.lending import WHY, change, decide, fund, joined, key, problem
from tests.services.lending import TODAY, noon
from tests.services.world import Phone, count

WORDS = {
    "en": "Umoja: {name|first}, our office is closed on Friday.",
    "sw": "Umoja: {name|first}, ofisi itafungwa.",
}
NOON = datetime.now(UTC).replace(hour=9)
NIGHT = datetime.now(UTC).replace(hour=20, minute=30)


@pytest_asyncio.fixture
async def gateway(sandbox: Running) -> AsyncIterator[AfricasTalking]:
    box = sandbox.settings
    settings = SmsSettings(
        username=box.at_username, api_key=SecretStr(box.at_api_key), base_url=sandbox.url, timeout_s=5
    )
    async with httpx.AsyncClient() as http:
        yield AfricasTalking(http, settings)


async def ask(api: Api, role: str = "officer", **body: Any) -> httpx.Response:
    given = {"kind": "service", "to": {}, **({} if "notice" in body else {"words": WORDS}), **WHY, **body}
    return await api.as_(role).post("/notifications/bulk", json=given, headers=key())


async def allow_alone(api: Api, people: int) -> None:
    await api.pool.execute(
        "insert into setting (name, value, changed_by) values ('bulk_sms_alone', $1::text::jsonb, 'x')"
        " on conflict (name) do update set value = excluded.value",
        str(people),
    )


async def all_asked(api: Api, number: int) -> None:
    while await bulk.step(api.pool, number):
        pass


async def send_all(api: Api, gateway: AfricasTalking, now: datetime = NOON) -> list[datetime | None]:
    async with api.pool.acquire() as connection:
        live = await published.live(connection)
    rows = await api.pool.fetch("select id from sms order by id")
    return [await sending.send(api.pool, gateway, live.texts, "400222", row["id"], now) for row in rows]


async def progress(api: Api, number: int) -> Any:
    return (await api.as_("viewer").get(f"/notifications/bulk/{number}")).json()


async def crowd(api: Api, people: int) -> list[Phone]:
    """So many borrowers, joined without the cost of their PINs."""
    first, _ = await joined(api)
    made = [api.phone() for _ in range(people - 1)]
    await api.pool.executemany(
        "insert into borrower (msisdn, language, name, national_id, pin_hash, registered_at)"
        " values ($1, $2, 'Akinyi Otieno', $3, 'x', now())",
        [(each.msisdn, ("en", "sw")[number % 2], each.msisdn[3:]) for number, each in enumerate(made)],
    )
    return [first, *made]


async def test_a_dry_run_counts_and_prices_and_keeps_nothing(api: Api) -> None:
    await crowd(api, 5)
    said = (await ask(api, dry_run=True)).json()

    assert (said["state"], said["recipients"], said["parts"]) == ("dry_run", 5, {"en": 1, "sw": 1})
    assert (said["cost_cents"], said["needs_second_person"], said["id"]) == (5 * bulk.PART_CENTS, False, None)
    swahili = (await ask(api, dry_run=True, to={"language": "sw"})).json()
    assert swahili["recipients"] == 2
    await allow_alone(api, 4)
    assert (await ask(api, dry_run=True)).json()["needs_second_person"] is True
    assert (await count(api.pool, "bulk_message"), await count(api.pool, "sms")) == (0, 0)


async def test_each_of_few_gets_it_once_in_their_language(
    api: Api, gateway: AfricasTalking, sandbox: Running
) -> None:
    phones = await crowd(api, 4)
    once = key()
    body = {"kind": "service", "to": {}, "words": WORDS, **WHY}
    officer = api.as_("officer")
    first = await officer.post("/notifications/bulk", json=body, headers=once)
    assert (await officer.post("/notifications/bulk", json=body, headers=once)).json() == first.json()
    number = first.json()["id"]
    assert (first.json()["state"], first.json()["approval_id"]) == ("sending", None)
    await together(*(all_asked(api, number) for _ in range(3)))
    assert await count(api.pool, "sms") == 4

    await together(*(send_all(api, gateway) for _ in range(2)))
    heard = {each.msisdn: each.text for each in sandbox.world.messages.values()}
    assert heard[phones[0].msisdn] == "Umoja: Wanjiru, our office is closed on Friday."
    assert heard[phones[2].msisdn] == "Umoja: Akinyi, ofisi itafungwa."
    assert len(sandbox.world.messages) == 4
    told = await progress(api, number)
    assert (told["state"], told["recipients"], sum(told["messages"].values())) == ("sent", 4, 4)
    assert told["spent_cents"] > 0
    _, after, who = await change(api, "send_bulk", f"bulk:{number}")
    assert (after["recipients"], after["words"], who) == (4, WORDS, "officer@example.org")
    assert problem(await officer.get("/notifications/bulk/99")) == (404, "not-found")


async def test_to_many_a_second_person_agrees_and_it_goes_to_those_of_then(api: Api) -> None:
    await crowd(api, 12)
    await allow_alone(api, 5)
    asked = (await ask(api, "admin")).json()
    assert (asked["state"], asked["recipients"]) == ("proposed", 12)
    await all_asked(api, asked["id"])
    assert await count(api.pool, "sms") == 0
    assert problem(await decide(api, asked["approval_id"], role="admin")) == (409, "same-person")

    await api.pool.execute("delete from pin_stage")
    await crowd(api, 1)  # 13 fit by now: within a tenth
    assert (await decide(api, asked["approval_id"])).status_code == 200
    await all_asked(api, asked["id"])
    assert ((await progress(api, asked["id"]))["recipients"], await count(api.pool, "sms")) == (13, 13)

    grown = (await ask(api)).json()
    await crowd(api, 5)
    refused = await decide(api, grown["approval_id"])
    assert problem(refused) == (409, "conflict")
    rejected = await decide(api, grown["approval_id"], "reject")
    assert rejected.json()["state"] == "rejected"
    assert (await progress(api, grown["id"]))["state"] == "rejected"
    assert await count(api.pool, "sms") == 13


async def test_a_reminder_says_what_each_owes_and_goes_only_to_who_owes(
    api: Api, gateway: AfricasTalking
) -> None:
    await fund(api)
    phone, _ = await joined(api)
    ref = (await phone.borrow()).value["ref"]
    await phone.money_arrives(ref, noon(TODAY - timedelta(days=phone.terms.product.term_days + 3)))
    await crowd(api, 3)
    await api.pool.execute("delete from sms")
    said = (await ask(api, notice="overdue", to={"days_past_due_from": 1})).json()
    assert (said["recipients"], said["state"]) == (1, "sending")
    await all_asked(api, said["id"])
    await send_all(api, gateway)

    words = await api.pool.fetchval("select words from sms")
    assert f"on loan {ref} was due 3 days ago" in words
    assert "KES 5,900" in words
    for wrong in (
        {"notice": "limit_raised"},
        {"notice": "overdue", "kind": "marketing"},
        {"notice": "no_such"},
    ):
        assert problem(await ask(api, **wrong)) == (422, "invalid")


async def test_offers_go_only_to_who_wants_them(api: Api, gateway: AfricasTalking) -> None:
    phones = [(await joined(api))[0] for _ in range(3)]
    for phone in phones[:2]:
        await phone.do("borrowers.offers", wanted=True)
    await phones[1].do("borrowers.offers", wanted=False)
    said = (await ask(api, kind="marketing")).json()
    assert said["recipients"] == 1
    await all_asked(api, said["id"])
    await phones[0].do("borrowers.offers", wanted=False)  # between the asking and the sending

    assert await send_all(api, gateway) == [None]
    row = await api.pool.fetchrow("select state, reason from sms")
    assert tuple(row) == ("refused", "not_wanted")


async def test_at_night_it_waits_and_the_hours_that_staff_set_count(
    api: Api, gateway: AfricasTalking
) -> None:
    await joined(api)
    number = (await ask(api)).json()["id"]
    await all_asked(api, number)
    (later,) = await send_all(api, gateway, NIGHT)
    assert later is not None
    assert later.astimezone(clock.NAIROBI).hour == 8
    hours = {"value": {"from": "01:00", "until": "05:00"}, **WHY}
    set_ = await api.as_("admin").put("/admin/settings/quiet_hours", json=hours, headers=key())
    assert set_.json()["setting"]["value"] == hours["value"]

    assert await send_all(api, gateway, NIGHT) == [None]
    assert (await progress(api, number))["messages"] == {"accepted": 1}


async def test_what_is_stopped_is_not_sent_any_more(
    api: Api, gateway: AfricasTalking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    await crowd(api, 5)
    number = (await ask(api)).json()["id"]
    assert await bulk.step(api.pool, number)
    stopped = await api.as_("officer").post(f"/notifications/bulk/{number}/stop", headers=key())
    assert stopped.json()["state"] == "stopped"
    assert not await bulk.step(api.pool, number)

    await send_all(api, gateway)
    assert (await progress(api, number))["messages"] == {"refused": 2}
    again = await api.as_("officer").post(f"/notifications/bulk/{number}/stop", headers=key())
    assert problem(again) == (409, "conflict")


async def test_words_that_cannot_be_sent_are_refused_with_what_is_wrong(api: Api) -> None:
    await joined(api)
    wrong: list[dict[str, Any]] = [
        {"words": {"en": "Only English"}},
        {"words": {"en": "Your {pin}", "sw": "x"}},
        {"words": {"en": "Привет", "sw": "x"}},
        {"words": {"en": "x" * 400, "sw": "x"}},
        {"words": WORDS, "notice": "overdue"},
        {"to": {"borrower_ids": [999]}},
        {"to": {"states": ["rich"]}},
    ]
    for body in wrong:
        answer = await ask(api, **body)
        assert problem(answer) == (422, "invalid"), body
    assert (
        (await ask(api, words={"en": "Your {pin}", "sw": "x"}))
        .json()["errors"][0]["what"]
        .startswith("There is no {pin}")
    )
    await api.pool.execute("insert into setting (name, value, changed_by) values ('bulk_sms_most', '1', 'x')")
    await crowd(api, 2)
    assert "Choose fewer" in (await ask(api)).json()["detail"]
    assert await count(api.pool, "sms") == 0


async def test_the_list_has_each_with_how_far_it_has_come_filtered_walked_and_as_a_file(
    api: Api, gateway: AfricasTalking
) -> None:
    await crowd(api, 4)
    sent = (await ask(api)).json()["id"]
    await all_asked(api, sent)
    await send_all(api, gateway)
    await allow_alone(api, 3)
    begun = (await ask(api, "admin", to={"language": "en"})).json()["id"]
    proposed = (await ask(api, "admin")).json()["id"]
    viewer = api.as_("viewer")

    async def listed(**asked: Any) -> Any:
        answer = await viewer.get("/notifications/bulk", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    every = await listed(total=True)
    assert [each["id"] for each in every["items"]] == [proposed, begun, sent]
    assert (every["total"], every["total_is_exact"], every["next"]) == (3, True, None)
    for each in every["items"]:
        assert each == await progress(api, each["id"])
    assert every["items"][-1]["messages"] == {"accepted": 4}
    assert every["items"][-1]["spent_cents"] > 0

    first = await listed(limit=2)
    rest = await listed(limit=2, cursor=first["next"])
    assert [each["id"] for each in first["items"] + rest["items"]] == [proposed, begun, sent]
    assert [each["id"] for each in (await listed(status="sent"))["items"]] == [sent]
    assert [
        each["id"] for each in (await listed(asked_by="admin@example.org", status="proposed"))["items"]
    ] == [proposed]
    assert (await listed(kind="marketing"))["items"] == []
    assert (await listed(created_to="2020-01-01"))["items"] == []

    file = await viewer.get("/notifications/bulk", params={"format": "csv", "sort": "created"})
    lines = file.text.removeprefix("\ufeff").splitlines()
    assert lines[0].startswith(
        "id,status,kind,notice,recipients,asked_for,delivered,cost_at_most_kes,spent_kes"
    )
    assert lines[1].startswith(f"{sent},sent,service,message,4,4,0,")
    assert [line.partition(",")[0] for line in lines[1:]] == [str(sent), str(begun), str(proposed)]
    assert problem(await api.as_("product").get("/notifications/bulk")) == (403, "forbidden")
    assert problem(await viewer.get("/notifications/bulk?limit=101")) == (422, "invalid")
