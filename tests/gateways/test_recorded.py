"""Recorded requests of each gateway, and beside each what must be understood of it.

`NAME.http` is a request as it came; `NAME.json` says the turn, the event or the refusal that it is, and
how a reply is written to it. A new gateway is a map and a folder of these.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from ussd_engine.errors import GatewayError
from ussd_engine.gateways import Adapter, load_maps
from ussd_engine.turn import Reply, SessionEvent, Turn

HERE = Path(__file__).parent
MAPS = load_maps(HERE / "maps")
RECORDED = sorted((HERE / "requests").glob("*/*.http"))


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_recorded_request_is_understood_and_answered_as_written_beside_it(file: Path) -> None:
    expected = orjson.loads(file.with_suffix(".json").read_bytes())
    adapter = Adapter(MAPS[file.parent.name])
    asked = understand(adapter, file.read_bytes())
    assert shown(asked) == {name: expected[name] for name in ("turn", "event", "refused") if name in expected}
    if "answers" in expected:
        assert isinstance(asked, Turn)
        assert dict(answers(adapter, asked)) == expected["answers"]
        headers = {
            name: dict(adapter.answer(Reply("Hi", name == "more"), asked).headers) for name in ("more", "end")
        }
        assert headers == expected.get("headers", {"more": {}, "end": {}})


def test_every_gateway_has_recorded_requests() -> None:
    assert {file.parent.name for file in RECORDED} == set(MAPS)


def understand(adapter: Adapter, recorded: bytes) -> Turn | SessionEvent | GatewayError:
    head, _, body = recorded.partition(b"\n\n")
    line, *fields = head.decode().split("\n")
    method, target, _ = line.split(" ")
    headers = dict(field.split(": ", 1) for field in fields)
    path, _, query = target.partition("?")
    event = adapter.map.event
    read = adapter.notice if event is not None and path == event.path else adapter.understand
    try:
        return read(
            method, headers.get("Content-Type", ""), query, body, path_fields(adapter.map.turn.path, path)
        )
    except GatewayError as error:
        return error


def path_fields(pattern: str, path: str) -> dict[str, str]:
    """What aiohttp's router finds in the path."""
    if "{" not in pattern:
        return {}
    found = web.DynamicResource(pattern)._match(path)
    assert found is not None
    return found


def shown(asked: Turn | SessionEvent | GatewayError) -> dict[str, Any]:
    if isinstance(asked, GatewayError):
        return {"refused": {"status": asked.status, "reason": asked.reason, "why": str(asked)}}
    if isinstance(asked, SessionEvent):
        return {"event": asdict(asked)}
    values = asked._asdict()
    values["family"] = asked.family.value
    del values["echo"]
    return {"turn": values}


def answers(adapter: Adapter, turn: Turn) -> Iterator[tuple[str, str]]:
    for name, more in (("more", True), ("end", False)):
        yield name, adapter.answer(Reply("Hi", more), turn).body.decode()
