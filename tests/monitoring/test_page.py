"""`/metrics` and `/ready` of a web process, read over HTTP."""

from typing import Any

import asyncpg
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from services import alerts
from services.monitoring import books, page, readiness, shared
from tests.api.conftest import PASSWORD, Api
from tests.api.lending import applied, fund, joined
from ussd_engine.observe.logs import get_logger

Samples = dict[tuple[str, tuple[str, ...]], float]


async def scraped(api: Api) -> Samples:
    """The page: name and values of the labels, by their names' order → number. Read anew."""
    the_page = api.service._page
    assert the_page is not None
    the_page._read_at = -page.EVERY_S
    async with httpx.AsyncClient() as monitor:
        answer = await monitor.get(f"{api.url}/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def ready(api: Api) -> tuple[int, Any]:
    assert api.service._page is not None
    api.service._page._read_at = -page.EVERY_S
    async with httpx.AsyncClient() as monitor:
        answer = await monitor.get(f"{api.url}/ready")
    return answer.status_code, answer.json()


async def test_requests_count_by_pattern_and_refusals_by_kind(api: Api) -> None:
    before = await scraped(api)
    viewer = api.as_("viewer")
    for path in ("/loans/NOBODYS1", "/loans/NOBODYS2", "/reports"):
        await viewer.get(path)
    await api.nobody.get("/reports")
    await api.nobody.request("PURGE", "/nowhere")
    await api.nobody.post("/auth/login", json={"email": "viewer@example.org", "password": "wrong"})
    await api.nobody.post("/auth/login", json={"email": "viewer@example.org", "password": PASSWORD})
    after = await scraped(api)

    def more(name: str, *labels: str) -> float:
        return after.get((name, labels), 0) - before.get((name, labels), 0)

    assert more("umoja_api_requests_total", "GET", "/api/v1/loans/{loan_id}", "4xx") == 2
    assert more("umoja_api_requests_total", "GET", "/api/v1/reports", "2xx") == 1
    assert more("umoja_api_requests_total", "GET", "/api/v1/reports", "4xx") == 1
    assert more("umoja_api_requests_total", "other", "/api/v1/{rest}", "4xx") == 1
    assert more("umoja_api_request_seconds_count", "/api/v1/reports") == 2
    assert more("umoja_api_problems_total", "not-found") == 3
    assert more("umoja_api_problems_total", "unknown-caller") == 2
    assert (more("umoja_api_logins_total", "refused"), more("umoja_api_logins_total", "done")) == (1, 1)
    assert not any("NOBODYS1" in label for _, labels in after for label in labels)


async def test_the_cache_and_the_limiter_are_counted(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.api.limits import Rate
    from services.api.operation import Limit

    monkeypatch.setattr(api.desk.limiter._limits, "list", Rate(1, 60))
    for _ in range(3):
        await api.as_("admin").get("/admin/loans")
    counted = await scraped(api)
    assert counted["umoja_api_limited_total", (Limit.LIST.value,)] == 2
    assert sum(counted["umoja_cache_answers_total", (how,)] for how in ("hit", "made", "past")) > 0


async def test_money_is_what_postgresql_says_now(api: Api) -> None:
    await fund(api)
    _, borrower_id = await joined(api)
    assert (await applied(api, borrower_id)).status_code in (200, 201)
    await api.pool.execute("update outbox set due_at = now() - interval '90 seconds' where done_at is null")
    told = await scraped(api)
    assert told["umoja_books_up", ()] == 1
    assert told["umoja_outbox_due", ()] >= 1
    assert 90 <= told["umoja_outbox_lag_seconds", ()] < 150
    assert told["umoja_payouts_open", ("ready",)] == 0
    free = await api.pool.fetchval(
        "select sum(balance_cents) from balance join account on account.id = account_id "
        "where code in ('mpesa_utility', 'mpesa_utility_pending', 'refunds_payable')"
    )
    assert told["umoja_float_free_cents", ()] == free
    assert (told["umoja_suspense_open", ()], told["umoja_approvals_waiting", ()]) == (0, 0)


async def test_an_alert_of_any_process_is_on_every_page(api: Api, redis_url: str) -> None:
    link = shared.Link(redis_url)
    other = shared.Tally()
    other.add("alerts", "a_test")
    assert link.flush(other)
    link.alive("relay")
    alerts.tell(get_logger("umoja.test"), "a_test")
    told = await scraped(api)
    assert told["umoja_alerts_total", ("a_test",)] == 2
    assert (await scraped(api))["umoja_alerts_total", ("a_test",)] == 2
    assert told["umoja_heard_of_seconds", ("relay",)] < 30
    link.close()


async def test_ready_shows_what_is_away_and_serves_all_the_same(api: Api, redis_url: str) -> None:
    status, told = await ready(api)
    assert (status, told["ready"], told["migrations"], told["broker"]) == (200, True, "ok", "ok")
    assert {told[kind] for kind in readiness.SILENT_S} == {"not heard of"}
    link = shared.Link(redis_url)
    link.alive("worker")
    async with Redis.from_url(redis_url) as redis:
        await redis.hset(shared.SEEN, "relay|elsewhere:1", "1000")
    status, told = await ready(api)
    assert (status, told["worker"]) == (200, "ok")
    assert told["relay"].startswith("not heard of for")
    async with Redis.from_url(redis_url) as redis:
        assert await redis.hkeys(shared.SEEN) == [
            f"worker|{link.me}".encode()
        ]  # who is long gone is forgotten
    link.close()


async def test_tables_of_an_older_version_are_not_ready_of_a_newer_one_they_are(
    api: Api, pg_url: str
) -> None:
    async with asyncpg.create_pool(pg_url, min_size=1, max_size=1) as pool:
        await pool.execute("update alembic_version set version_num = '0003'")
        status, told = await ready(api)
        assert (status, told["ready"]) == (503, False)
        assert told["migrations"] == f"the database is at 0003, not {readiness.newest()}. Run: ussd migrate"
        await pool.execute("update alembic_version set version_num = '9999'")
        assert (await ready(api))[0] == 200


async def test_a_store_that_is_away_is_said_and_nothing_breaks(redis_url: str) -> None:
    nowhere = Redis(unix_socket_path="/nowhere/redis.sock")
    pool = asyncpg.create_pool("postgresql:///nothing?host=/nowhere", min_size=0, max_size=1)
    the_page = page.Page(pool, nowhere)
    await the_page.sample()
    values = {sample.name: sample.value for family in the_page.collect() for sample in family.samples}
    assert (values["umoja_books_up"], values["umoja_shared_up"]) == (0, 0)
    assert not {gauge.name for gauge in books.GAUGES} & set(values)
    await nowhere.aclose()


def test_what_redis_did_not_take_is_brought_the_next_time(redis_url: str) -> None:
    tally = shared.Tally()
    tally.add("tasks", "a.task", "done")
    away = shared.Link("unix:///nowhere/redis.sock")
    assert not away.flush(tally)
    tally.add("tasks", "a.task", "done")
    assert not away.flush(tally)
    link = shared.Link(redis_url)
    assert link.flush(tally)
    assert float(link._client.hget(shared.COUNTED, "tasks|a.task|done")) == 2
    assert tally.take() == {}
    link.close()
