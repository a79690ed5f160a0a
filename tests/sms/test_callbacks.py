from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from aiohttp import web

from services import clock
from services.app import service
from services.sandbox import sms
from services.sms import callbacks
from services.sms.callbacks import KNOWN_WITHIN, paths
from tests.services.world import SECRET, count
from tests.sms.conftest import Desk

REPORT, OPT_OUT = paths(SECRET)


@pytest_asyncio.fixture
async def web_server(desk: Desk) -> AsyncIterator[str]:
    """Our own routes, served; the gateway is told of them."""
    app = web.Application()
    app.add_routes(service.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    desk.sandbox.behave(sms_report_url=url + REPORT, sms_optout_url=url + OPT_OUT)
    yield url
    await runner.cleanup()


async def work(desk: Desk) -> list[str]:
    """Process what was kept; what was made of each, oldest first."""
    for row in await desk.pool.fetch("select id from sms_callback where processed_at is null order by id"):
        await callbacks.process(desk.pool, row["id"])
    rows = await desk.pool.fetch("select outcome from sms_callback order by id")
    return [row["outcome"] for row in rows]


async def sent(desk: Desk) -> str:
    """The gateway's id of a message that was sent."""
    await desk.lent()
    await desk.send((await desk.row())["id"])
    provider_id: str = (await desk.row())["provider_id"]
    return provider_id


async def post(url: str, **fields: str) -> int:
    async with httpx.AsyncClient() as http:
        return (await http.post(url, data=fields)).status_code


async def test_a_delivery_report_of_the_gateway_arrives(desk: Desk, web_server: str) -> None:
    await sent(desk)
    await desk.sandbox.settle()
    assert await work(desk) == ["delivered"]
    assert (await desk.row())["state"] == "delivered"


async def test_why_a_message_failed_is_kept(desk: Desk, web_server: str) -> None:
    desk.sandbox.fault("result", on="sms_report", code="Failed", reason="DeliveryFailure")
    await sent(desk)
    await desk.sandbox.settle()
    await work(desk)
    row = await desk.row()
    assert (row["state"], row["reason"]) == ("failed", "DeliveryFailure")


async def test_reports_in_any_order_and_twice_end_in_the_furthest(desk: Desk, web_server: str) -> None:
    number = await sent(desk)
    for status in ("Buffered", "Sent", "Failed", "Sent", "Success", "Failed", "Success"):
        assert await post(web_server + REPORT, id=number, status=status, phoneNumber="+2547") == 200
    assert await count(desk.pool, "sms_callback") == 4
    assert await work(desk) == ["on_its_way", "old", "failed", "delivered"]
    assert (await desk.row())["state"] == "delivered"


async def test_a_report_that_is_quicker_than_the_answer_waits_for_it(desk: Desk, web_server: str) -> None:
    await post(web_server + REPORT, id="ATXid_early", status="Success")
    number = await desk.pool.fetchval("select id from sms_callback")
    now = clock.now()
    assert await callbacks.process(desk.pool, number, now) == now + callbacks.AGAIN
    assert await callbacks.process(desk.pool, number, now + KNOWN_WITHIN + timedelta(minutes=1)) is None
    assert await work(desk) == ["unknown_message"]


async def test_opting_out_is_kept_once_and_of_borrowers_only(desk: Desk, web_server: str) -> None:
    sms.opt_out(desk.sandbox.box, desk.phone.msisdn, "UMOJA")
    sms.opt_out(desk.sandbox.box, "254799999999", "UMOJA")
    await desk.sandbox.settle()
    assert sorted(await work(desk)) == ["opted_out", "unknown_number"]
    assert await count(desk.pool, "sms_opt_out") == 1


async def test_a_gateway_that_says_somebody_opted_out_is_believed(desk: Desk, web_server: str) -> None:
    desk.sandbox.fault("result", on="sms", code=406)
    await desk.lent()
    await desk.send((await desk.row())["id"])
    assert (await desk.row())["state"] == "refused"
    assert await count(desk.pool, "sms_opt_out") == 1


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/api/v1/sms/wrong/report", {"id": "1", "status": "Success"}, 404),
        (REPORT.replace("report", "other"), {"id": "1", "status": "Success"}, 404),
        (REPORT, {"id": "1", "status": "Sideways"}, 400),
        (REPORT, {"status": "Success"}, 400),
        (REPORT, {"id": "9" * 9000, "status": "Success"}, 413),
        (REPORT, {str(number): "x" for number in range(30)}, 400),
        (OPT_OUT, {"phoneNumber": "nobody"}, 400),
    ],
)
async def test_what_is_no_callback_is_refused_and_not_kept(
    desk: Desk, web_server: str, path: str, fields: dict[str, str], status: int
) -> None:
    assert await post(web_server + path, **fields) == status
    assert await count(desk.pool, "sms_callback") == 0
