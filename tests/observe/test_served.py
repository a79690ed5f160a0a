"""A server that stops has brought what it counted to PostgreSQL: the funnel, a session's end, its times."""

import asyncio
from pathlib import Path
from urllib.parse import urlencode

import asyncpg

from tests.server.wire import ask, form, post
from ussd_engine import server
from ussd_engine.settings import Settings

MENU = """\
service: desk
codes: ["*384*89598#"]
languages: [en]
start: main
states:
  main:
    menu: "Desk"
    options:
      - {en: Leave, to: bye}
  bye: {end: "Bye"}
"""


async def test_a_server_that_stops_has_kept_what_it_counted(
    pg_url: str, redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "service.yaml").write_text(MENU)
    settings = Settings(
        _env_file=None, env="test", database_url=pg_url, redis_url=redis_url, menus_dir=tmp_path, port=0,
        drain_s=1,
    )  # fmt: skip
    stop = asyncio.Event()
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(server.serve(settings, stop=stop, started=started.set_result))
    try:
        port = await asyncio.wait_for(started, 30)
        for text in ("", "7", "7*1"):
            await ask(port, post(form(text)))
        notice = urlencode({
            "sessionId": "ATUid_1", "phoneNumber": "+254711000126", "serviceCode": "*384*89598#",
            "networkCode": "63902", "status": "Success", "cost": "KES 0.80", "durationInMillis": "4000",
            "hopsCount": "3",
        }).encode()  # fmt: skip
        for _ in range(2):
            assert (await ask(port, post(notice, path="/api/v1/ussd/events"))).status == 200
    finally:
        stop.set()
        await serving

    connection = await asyncpg.connect(pg_url)
    try:
        dialogs = await connection.fetch(
            "select network, state, shown, moved_on, refused, begun, ended from dialog_hour order by state"
        )
        ends = await connection.fetch("select state, status, sessions, cost_micros from session_hour")
        turns = await connection.fetchval(
            "select sum(value) from server_hour where metric = 'turns' and other <> 'fault'"
        )
    finally:
        await connection.close()
    assert [tuple(row) for row in dialogs] == [
        ("safaricom", "bye", 1, 0, 0, 0, 1),
        ("safaricom", "main", 1, 1, 1, 1, 0),
    ]
    assert [tuple(row) for row in ends] == [("bye", "Success", 1, 800_000)]
    assert turns == 3
