"""Whole dialogs through HTTP: the real engine, real Redis and PostgreSQL, the menus of the loan service."""

import asyncio
import io
import logging
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import orjson
import pytest
import redis

from tests.server.wire import CODE, MSISDN, ask, form, post
from ussd_engine import server
from ussd_engine.settings import Settings

PIN = "4827"
NATIONAL_ID = "23456781"
JOIN = [
    ("", "Welcome to Umoja Loans"),
    ("1", "Do you agree to our terms?"),
    ("1", "What is your name"),
    ("Wanjiru Kamau", "Thank you, Wanjiru."),
    (NATIONAL_ID, "Choose a PIN"),
    (PIN, "Enter the same PIN once more."),
    (PIN, "Hello Wanjiru"),
]
BORROW = [
    ("1", "How much do you need?"),
    ("1000", "What is the loan for?"),
    ("2", "Loan KES 1,000"),
    ("1", "Enter your Umoja PIN"),
    (PIN, "KES 1,000 is coming to your M-Pesa"),
]


@pytest.fixture(params=[True, False], ids=["lane", "aiohttp"])
async def port(
    request: pytest.FixtureRequest, pg_url: str, redis_url: str, repository: Path
) -> AsyncIterator[int]:
    """The port of `serve`, as the command runs it."""
    settings = Settings(
        _env_file=None, env="production", database_url=pg_url, redis_url=redis_url, host="127.0.0.1", port=0,
        menus_dir=repository / "menus", drain_s=2.0, secret="only a test's, but long enough for production",
    )  # fmt: skip
    stop = asyncio.Event()
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        server.serve(settings, stop=stop, lane=request.param, started=started.set_result)
    )
    await asyncio.wait([serving, started], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    yield await started
    stop.set()
    await asyncio.wait_for(serving, 5)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the process writes to its log, as it writes it."""
    written = io.StringIO()
    (ours,) = [handler for handler in logging.getLogger().handlers if type(handler).__name__ == "_OurHandler"]
    copy = logging.StreamHandler(written)
    copy.setFormatter(ours.formatter)
    logging.getLogger().addHandler(copy)
    yield written
    logging.getLogger().removeHandler(copy)


async def press(port: int, typed: list[str], session: str = "ATUid_1") -> str:
    text = "*".join(typed)
    answer = await ask(port, post(form(text, session=session)))
    assert answer.status == 200
    return answer.body


async def dial_through(
    port: int, dialog: list[tuple[str, str]], session: str = "ATUid_1", redis_url: str | None = None
) -> None:
    """Press after press, each sent twice; with redis_url, all of Redis is lost after every press."""
    typed: list[str] = []
    for pressed, screen in dialog:
        typed += [pressed] if pressed else []
        shown = await press(port, typed, session)
        assert screen in shown
        assert await press(port, typed, session) == shown, "the same press again gets the same answer"
        if redis_url is not None:
            with redis.Redis.from_url(redis_url) as client:
                client.flushdb()
            assert await press(port, typed, session) == shown, "and also when Redis has forgotten it"


async def test_a_stranger_joins_and_borrows_and_no_log_metric_or_session_tells_who_or_the_pin(
    port: int, logged: io.StringIO, redis_url: str
) -> None:
    await dial_through(port, JOIN + BORROW)
    await ask(port, post(form(f"1*{PIN}%", phone=f"+{MSISDN}") + b"%"))
    event = form(f"1*{PIN}") + f"&status=Failed&lastAppResponse=CON {PIN}&errorMessage=of {MSISDN}".encode()
    assert (await ask(port, post(event, path="/api/v1/ussd/events"))).status == 200
    metrics = (await ask(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")).body
    said = {"logs": told(logged.getvalue()), "metrics": metrics}
    for name in (PIN, MSISDN, NATIONAL_ID, "Wanjiru"):
        assert not [where for where, text in said.items() if re.search(rf"(?<![\d.]){name}(?!\d)", text)], (
            name
        )
    assert 'outcome="end"} 2.0' in metrics
    assert '"reason":"percent_encoding"' in said["logs"]
    with redis.Redis.from_url(redis_url) as client:
        stored = b"".join(client.get(key) or b"" for key in client.scan_iter("ussd:{*}:*"))
    assert PIN.encode() not in re.sub(rb'"(digest|consumed|started|seen|rev)":"?[^,"]*', b"", stored)


def told(lines: str) -> str:
    """Log lines without their times, whose digits are anybody's."""
    records = [orjson.loads(line) for line in lines.splitlines()]
    times = ("timestamp", "seconds", "ms", "port")
    return "\n".join(
        orjson.dumps({key: held for key, held in record.items() if key not in times}).decode()
        for record in records
    )


async def test_a_dialog_outlives_the_loss_of_all_of_redis_at_every_step(
    port: int, redis_url: str, pg_url: str
) -> None:
    """From a stranger's first dial to the loan: what each step changed does not change the way back to it."""
    await dial_through(port, JOIN + BORROW, redis_url=redis_url)
    connection = await asyncpg.connect(pg_url)
    assert await connection.fetchval("select count(*) from loan") == 1
    await connection.close()


async def test_a_session_of_the_loan_service_stays_under_a_kilobyte(port: int, redis_url: str) -> None:
    typed: list[str] = []
    sizes: dict[str, int] = {}
    with redis.Redis.from_url(redis_url) as client:
        for pressed, screen in JOIN + BORROW:
            typed += [pressed] if pressed else []
            await press(port, typed)
            sizes[screen] = client.strlen(f"ussd:{{{MSISDN}}}:{CODE}")
    assert min(sizes.values()) > 0
    assert max(sizes.values()) < 1024, sizes


async def test_an_unknown_service_code_gets_a_sentence(port: int) -> None:
    answer = await ask(port, post(form(code="*384*1#")))
    assert (answer.status, answer.body[:4]) == (200, "END ")


async def test_a_session_nobody_knows_gets_a_screen(port: int) -> None:
    answer = await ask(port, post(form("1*1*stale*💸*\u2019")))
    assert (answer.status, answer.body[:4]) == (200, "CON ")


async def test_it_says_it_is_ready_and_what_new_sessions_start_on(port: int) -> None:
    ready = await ask(port, b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (ready.status, orjson.loads(ready.body)["ready"]) == (200, True)
    metrics = (await ask(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")).body
    assert re.search(r'ussd_bundle_in_use\{bundle="[0-9a-f]{12}",service="umoja"\} 1.0', metrics)


async def test_production_has_no_phone_page_and_no_debug(port: int) -> None:
    for path in ("/phone", "/api/v1/ussd-debug", "/docs-of-nothing"):
        assert (await ask(port, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())).status == 404
    assert CODE not in (await ask(port, b"GET /phone/services HTTP/1.1\r\nHost: a\r\n\r\n")).body
