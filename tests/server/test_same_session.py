"""Presses of one session that come together on one connection: each is answered when the one before has been.

No gateway sends a press before it has shown the screen, but HTTP allows it, and aiohttp answers one request
after the other.
"""

from tests.server.conftest import Desks
from tests.server.wire import form, post

LAST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def test_a_press_that_needs_an_action_and_the_next_one_at_once_are_answered_alike(desks: Desks) -> None:
    dial, buy, amount, no = (post(form(text)) for text in ("", "2", "2*500", "2*500*2"))
    fast, slow = await desks.both([dial, buy, amount + no + LAST])
    assert b"CON Pay 600?" in slow
    assert fast == slow
