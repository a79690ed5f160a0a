"""The feature phone on the terminal's screen, driven as textual's pilot drives it."""

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from tests.phone.standin import CODE, StandIn
from ussd_engine.phone.gateway import connect
from ussd_engine.phone.tui import KEYS, PhoneApp


async def settle(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def screen(app: PhoneApp) -> str:
    return str(app.query_one("#screen", Static).content)


async def test_a_loan_by_keyboard_and_by_mouse(server: str, standin: StandIn) -> None:
    call = await connect(server, "+254711000001")
    app = PhoneApp(call, CODE)
    async with call, app.run_test(size=(80, 32)) as pilot:
        await pilot.press("enter")
        await settle(pilot)
        assert screen(app).startswith("Umoja Loans")
        await pilot.click("#key-1")
        await pilot.click("#call")
        await settle(pilot)
        assert app.query_one("#call", Button).label.plain == "Send"
        await pilot.press("5", "0", "0", "enter")
        await settle(pilot)
        assert str(app.query_one("#fill", Static).content) == "125 of 160 septets"
        await pilot.press("f5")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert screen(app) == "Call ended."
        assert app.query_one("#entry", Input).value == CODE
    assert [turn["text"] for turn in standin.turns] == ["", "1", "1*500", "1*500"]
    assert [ending["status"] for ending in standin.endings] == ["Incomplete"]


@pytest.mark.parametrize("size", [(80, 24), (44, 24), (120, 50)])
async def test_screen_line_and_every_key_are_visible(server: str, size: tuple[int, int]) -> None:
    call = await connect(server, "+254711000001")
    app = PhoneApp(call, CODE)
    async with call, app.run_test(size=size) as pilot:
        await pilot.press("enter")
        await settle(pilot)
        visible = app.screen.region
        for widget in [*app.query(Button), app.query_one("#entry")]:
            assert widget.region.height == 1, widget.id
            assert widget.region in visible, widget.id
        assert app.query_one("#screen").region.height <= app.query_one("#paper").region.height
        assert len(app.query(".key")) == len(KEYS)


async def test_a_failed_turn_says_why_and_can_be_sent_again(server: str, standin: StandIn) -> None:
    standin.answers.append((503, "busy"))
    call = await connect(server, "+254711000001")
    app = PhoneApp(call, CODE)
    async with call, app.run_test(size=(80, 32), notifications=True) as pilot:
        await pilot.press("enter")
        await settle(pilot)
        assert screen(app) == "Connection problem or invalid MMI code."
        assert [note.message for note in app._notifications] == ["HTTP 503: busy"]
        await pilot.press("f5")
        await settle(pilot)
        assert screen(app).startswith("Umoja Loans")
    assert standin.turns[0] == standin.turns[1]
