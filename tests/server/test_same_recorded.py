"""Every recorded request, replayed to both servers: with the lane and with aiohttp alone every byte is equal.

A gateway's servers serve that gateway only, so each one that fits the lane has it in front.
"""

from pathlib import Path

import pytest

from tests.server.conftest import Desks, Serve, Twins
from tests.server.wire import CODE, MSISDN, cut_at
from ussd_engine.gateways import load_maps

GATEWAYS = Path(__file__).parent.parent / "gateways"
MAPS = load_maps(GATEWAYS / "maps")
RECORDED = {
    folder.name: {file.stem: file.read_bytes() for file in sorted(folder.glob("*.http"))}
    for folder in sorted((GATEWAYS / "requests").iterdir())
}
LAST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def request_of(recorded: bytes) -> bytes:
    """A request as it came: files have the line ends of text."""
    head, _, body = recorded.partition(b"\n\n")
    return head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body


def pieces_of(request: bytes) -> list[bytes]:
    return cut_at(request, range(0, len(request), 11))


@pytest.mark.parametrize("gateway", RECORDED)
async def test_what_a_gateway_was_recorded_to_send_is_answered_alike(serve: Serve, gateway: str) -> None:
    maps = [MAPS[gateway].model_copy(update={"callers": ()})]  # we are not at their address
    twins = Twins(await serve(lane=True, maps=maps), await serve(lane=False, maps=maps))
    for recorded in RECORDED[gateway].values():
        request = request_of(recorded)
        fast, slow = await twins.both([request * 2 + LAST])
        assert fast == slow
        assert await twins.both([*pieces_of(request), request + LAST]) == (fast, fast)
    heard = twins.heard()
    assert heard[0] == heard[1] != ([], [])


async def test_recorded_requests_are_answered_alike_by_the_real_engine(desks: Desks) -> None:
    """Each behind the first request of its session, when nothing else is known of the phone."""
    first = request_of(RECORDED["africastalking"]["first_hop"])
    for recorded in RECORDED["africastalking"].values():
        request = request_of(recorded)
        for pieces in ([first, request * 2 + LAST], [first, *pieces_of(request), LAST]):
            for desk in (desks.fast, desks.slow):
                await desk.engine.store.call("DEL", f"ussd:{{{MSISDN}}}:{CODE}")
            before = desks.fast.plain
            fast, slow = await desks.both(pieces)
            assert fast == slow
            assert desks.fast.plain > before, "the first request is a plain turn"
    assert desks.slow.plain == 0
