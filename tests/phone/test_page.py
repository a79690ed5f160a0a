"""The web phone in a real browser: what people do with it, and what must hold of the page itself."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from core_ext import text as gsm
from tests.phone.standin import CODE, StandIn
from tests.phone.vectors import ANSWERS, DIALLED, KNOWN, NOT_CODES, SIZES, TYPED

pytestmark = pytest.mark.browser


@pytest.fixture
async def page(chromium: Browser, server: str) -> AsyncIterator[Page]:
    """The page, open; a console error, a broken script or a request to another host fails the test."""
    context = await chromium.new_context(viewport={"width": 1180, "height": 900}, base_url=server)
    page = await context.new_page()
    page.set_default_timeout(5000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.on("request", lambda sent: None if sent.url.startswith(server) else faults.append(sent.url))
    await page.goto("/phone")
    await expect(page.locator(".code")).to_be_visible()
    yield page
    await context.close()
    assert [fault for fault in faults if "status of 500" not in fault] == []


async def press(page: Page, keys: str) -> None:
    for key in keys:
        await page.locator(f'[data-key="{key}"]').click()


async def shows(page: Page, text: str) -> None:
    await expect(page.locator("#screen")).to_contain_text(text)


async def dial(page: Page) -> None:
    await page.locator("#call").click()
    await shows(page, "1 Apply for a loan")


# ---- what people do


async def test_a_loan_with_the_mouse(page: Page, standin: StandIn) -> None:
    await dial(page)
    for reply, screen in [("1", "Enter amount"), ("500", "Enter your PIN"), ("1234", "Sent. Ref UL7Q2M4")]:
        await press(page, reply)
        await page.locator("#call").click()
        await shows(page, screen)
    assert [turn["text"] for turn in standin.turns] == ["", "1", "1*500", "1*500*1234"]
    assert {turn["serviceCode"] for turn in standin.turns} == {CODE}
    await expect(page.locator("#fill-text")).to_have_text("58 of 160 septets, session ended")


async def test_keys_type_where_the_caret_is_and_at_the_end_when_it_is_elsewhere(page: Page) -> None:
    entry = page.locator("#entry")
    await entry.fill("13")
    await entry.press("ArrowLeft")
    await press(page, "2")
    await expect(entry).to_have_value("123")
    await page.locator("#clear").click()
    await expect(entry).to_have_value("13")
    await page.locator("#number").focus()
    await press(page, "45")
    await expect(entry).to_have_value("1345")


async def test_a_loan_with_the_keyboard_alone(page: Page, standin: StandIn) -> None:
    await page.locator("body").press("Enter")
    await shows(page, "1 Apply for a loan")
    for typed, screen in [("1", "Enter amount"), ("50", None), ("0", "Enter your PIN")]:
        await page.keyboard.type(typed)
        if screen:
            await page.keyboard.press("Enter")
            await shows(page, screen)
    await page.keyboard.press("Escape")
    await shows(page, "Call ended")
    assert [turn["text"] for turn in standin.turns] == ["", "1", "1*500"]
    await expect(page.locator(".event.over")).to_contain_text("Session over: Incomplete after 3 turns")


async def test_a_direct_dial_sends_its_inputs_at_once(page: Page, standin: StandIn) -> None:
    await page.locator("#entry").fill("*384*89598*1*500#")
    await page.locator("#call").click()
    await shows(page, "Enter your PIN")
    assert [(turn["serviceCode"], turn["text"]) for turn in standin.turns] == [(CODE, "1*500")]


async def test_sending_again_repeats_the_turn_and_compares_the_answers(page: Page, standin: StandIn) -> None:
    await dial(page)
    await page.locator("#retry").click()
    await expect(page.locator("#note")).to_contain_text("The same answer, as it must be")
    assert standin.turns[0] == standin.turns[1]
    standin.answers.append((200, "CON Something else"))
    await page.locator("#retry").click()
    await expect(page.locator("#note")).to_have_text("This answer differs from the first one.")


async def test_a_fault_is_shown_as_the_phone_would_with_the_cause_beside_it(
    page: Page, standin: StandIn
) -> None:
    standin.answers.append((500, "Internal Server Error"))
    await page.locator("#call").click()
    await shows(page, "Connection problem or invalid MMI code.")
    await expect(page.locator("#note")).to_have_text("HTTP 500: Internal Server Error")
    await page.locator("#retry").click()
    await shows(page, "1 Apply for a loan")


async def test_what_happened_is_listed_newest_first_and_a_pin_is_masked(page: Page) -> None:
    await dial(page)
    for reply, screen in [("1", "Enter amount"), ("500", "Enter your PIN"), ("7391", "Sent. Ref")]:
        await page.keyboard.type(reply)
        await page.keyboard.press("Enter")
        await shows(page, screen)
    turns = page.locator(".event.turn")
    await expect(turns).to_have_count(4)
    await expect(turns.first).to_contain_text("••••→done")
    await expect(turns.first).to_contain_text("loans.apply ok")
    await expect(turns.nth(1)).to_contain_text("125 septets · en")
    await expect(turns.last).to_contain_text("dial→main")
    assert "7391" not in await page.content()


async def test_a_menu_that_does_not_reload_shows_its_findings_as_text(page: Page, standin: StandIn) -> None:
    finding = "menus/umoja/loans.yaml:14:9: no state <img src=x onerror=alert(1)>\n    to: <img\n        ^"
    standin.events.publish("", "reload", ok=False, bundle="", findings=[finding])
    event = page.locator(".event.reload.failed")
    await expect(event).to_contain_text("the last good one goes on")
    assert await event.locator(".finding").inner_text() == finding
    await expect(event.locator("img")).to_have_count(0)


async def test_a_long_line_of_a_file_is_not_broken_so_that_the_mark_stays_below_its_place(
    page: Page, standin: StandIn
) -> None:
    mark = "      | " + " " * 200 + "^"
    finding = f"m.yaml:1:201: error: {'wrong ' * 60}\n    1 | {'long ' * 40}here\n{mark}"
    standin.events.publish("", "reload", ok=False, bundle="", findings=[finding])
    lines = page.locator(".finding > div")
    await lines.nth(2).wait_for()
    heights = [(await lines.nth(number).bounding_box() or {})["height"] for number in range(3)]
    assert heights[1] == heights[2] < heights[0]


async def test_an_action_is_listed_before_its_turn_is_over(page: Page, standin: StandIn) -> None:
    number = await page.locator("#number").input_value()
    standin.events.publish(number, "action", name="loans.quote", outcome="ok", ms=5.5)
    await expect(page.locator(".event.action")).to_contain_text("Runningloans.quote ok5.5 ms")
    standin.events.publish(number, "turn", input="1", state="confirm", text="Agree?", more=True, turn=2)
    await expect(page.locator(".event.action")).to_have_count(0)
    await expect(page.locator(".event.turn .action")).to_have_count(1)


async def test_the_number_is_kept_and_a_new_one_is_another_phone(page: Page, standin: StandIn) -> None:
    first = await page.locator("#number").input_value()
    await dial(page)
    await page.reload()
    await expect(page.locator("#number")).to_have_value(first)
    await expect(page.locator(".event.turn")).to_have_count(1)  # the board still has it
    await page.locator("#new-number").click()
    await expect(page.locator("#number")).not_to_have_value(first)
    await expect(page.locator(".event.turn")).to_have_count(0)
    await dial(page)
    numbers = [turn["phoneNumber"] for turn in standin.turns]
    assert numbers == [first, await page.locator("#number").input_value()]


async def test_a_number_is_written_as_people_write_it(page: Page) -> None:
    await page.locator("#number").fill("0712 345 678")
    await page.locator("#number").press("Tab")
    await expect(page.locator("#number")).to_have_value("+254712345678")
    await page.locator("#number").fill("hello")
    await page.locator("#number").press("Tab")
    await expect(page.locator("#number")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#number-help")).to_have_text("Write it as +254712345678.")


async def test_leaving_the_page_in_a_session_hangs_up(page: Page, standin: StandIn) -> None:
    await dial(page)
    await page.goto("about:blank")
    await expect_soon(page, lambda: [ending["status"] for ending in standin.endings] == ["Incomplete"])


async def test_nothing_typed_stays_behind_in_the_browser(page: Page) -> None:
    await dial(page)
    await page.keyboard.type("7391")
    await page.keyboard.press("Enter")
    await shows(page, "not one of the choices")
    await expect(page.locator("#entry")).to_have_value("")
    kept = await page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert "7391" not in kept


async def expect_soon(page: Page, holds: Any) -> None:
    """Wait for something outside the browser, as long as expect would."""
    for _ in range(100):
        if holds():
            return
        await page.wait_for_timeout(50)
    assert holds()


# ---- the page itself

READ_CONTRAST = """
() => {
  const linear = (share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
  const channel = (value) => linear(value / 255);
  const parse = (colour) => {
    const numbers = colour.match(/[\\d.]+/g).map(Number);
    const scale = colour.startsWith("color(") ? 255 : 1;
    return [...numbers.slice(0, 3).map((value) => value * scale), numbers[3] ?? 1];
  };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      const back = parse(style.backgroundColor);
      if (back[3] === 1) return back;
      if (at.id === "handset") return parse(getComputedStyle(document.querySelector(".key")).backgroundColor);
    }
    return [255, 255, 255, 1];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(parse(style.color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push(`${walker.currentNode.data.trim()}: ${ratio.toFixed(2)}`);
  }
  return low;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_has_the_contrast_of_wcag_aa(page: Page, standin: StandIn, scheme: Any) -> None:
    await page.emulate_media(color_scheme=scheme)
    standin.events.publish("", "reload", ok=False, findings=["a.yaml:1:2: wrong"])
    await dial(page)
    await page.keyboard.type("1")
    await page.keyboard.press("Enter")
    await shows(page, "Enter amount")
    await expect(page.locator(".event.turn")).to_have_count(2)
    assert await page.evaluate(READ_CONTRAST) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1180, 1920])
async def test_the_page_fits_its_width_and_keys_are_large_enough_to_touch(page: Page, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await dial(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    for key in await page.locator(".key").all():
        box = await key.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44


async def test_the_screen_is_announced_and_everything_has_a_name(page: Page) -> None:
    screen = page.locator("#screen")
    await expect(screen).to_have_attribute("aria-live", "polite")
    await expect(page.get_by_role("status", name="Screen")).to_be_visible()
    for name in ["Call", "End", "Delete the last character", "star", "hash", "5"]:
        await expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    await expect(page.get_by_label("Code to dial")).to_be_visible()
    await dial(page)
    await expect(page.get_by_label("Reply")).to_be_focused()


async def test_the_focus_is_visible_on_everything_it_reaches(page: Page) -> None:
    reached = set()
    for _ in range(30):
        await page.keyboard.press("Tab")
        focus = "[document.activeElement.id || document.activeElement.textContent.trim(),"
        name, width = await page.evaluate(f"{focus} getComputedStyle(document.activeElement).outlineWidth]")
        if name in reached or not name:
            break
        assert float(width.removesuffix("px")) >= 2, name
        reached.add(name)
    assert {"entry", "call", "clear", "end", "1", "number", "new-number", "network"} <= reached


# ---- the twin of the Python handset


async def in_page(page: Page, module: str, script: str, argument: Any) -> Any:
    return await page.evaluate(
        f"async (given) => {{ const it = await import('/phone/static/{module}.js'); {script} }}", argument
    )


async def test_both_handsets_split_dialled_codes_alike(page: Page) -> None:
    script = "return given[0].map((code) => it.splitCode(it.completeCode(code), given[1]));"
    found = await in_page(page, "handset", script, [[row[0] for row in DIALLED], list(KNOWN)])
    assert found == [[code, text] for _, code, text in DIALLED]


async def test_both_handsets_refuse_the_same_codes(page: Page) -> None:
    script = """return given.map((code) => {
        try { return it.completeCode(code); }
        catch (error) { return error instanceof it.HandsetError; } });"""
    assert await in_page(page, "handset", script, NOT_CODES) == [True] * len(NOT_CODES)


async def test_both_handsets_send_the_same_text(page: Page) -> None:
    script = """return given[0].map(([code, typed]) => {
        const handset = new it.Handset({ msisdn: "+254711000001", serviceCodes: given[1] });
        let form = handset.dial(code, new Date());
        for (const reply of typed) { handset.receive(200, "CON Menu"); form = handset.answer(reply); }
        return form.text; });"""
    found = await in_page(page, "handset", script, [[row[:2] for row in TYPED], list(KNOWN)])
    assert found == [text for _, _, text in TYPED]


async def test_both_handsets_read_answers_alike(page: Page) -> None:
    script = """return given.map(([status, body]) => {
        const handset = new it.Handset({ msisdn: "+254711000001" });
        handset.dial("*384#", new Date());
        const screen = handset.receive(status, body);
        return [handset.state, screen.text, screen.problem]; });"""
    found = await in_page(page, "handset", script, [row[:2] for row in ANSWERS])
    no_screen = "Connection problem or invalid MMI code."
    assert found == [
        [state, no_screen if screen is None else screen, problem] for _, _, state, screen, problem in ANSWERS
    ]


async def test_the_page_counts_septets_as_the_engine_does(page: Page) -> None:
    script = "return given.map((text) => { const { units, gsm } = it.size(text); return [units, gsm]; });"
    assert await in_page(page, "septets", script, SIZES) == [list(gsm.size(text)) for text in SIZES]
