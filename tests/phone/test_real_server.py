"""Both phones against the real thing: PostgreSQL, Redis, the engine, the menus of Umoja Loans."""

import asyncio
import sys
from collections.abc import Iterator

import httpx
import pytest
from playwright.async_api import Browser, expect

from ussd_engine.dev import private_server

# From a first dial to a loan: what is pressed, and what the next screen says.
JOIN_AND_BORROW = [
    ("1", "Do you agree to our terms?"),
    ("1", "What is your name"),
    ("Asha Ali", "Thank you, Asha."),
    ("23456781", "Choose a PIN"),
    ("4071", "Enter the same PIN once more."),
    ("4071", "Hello Asha"),
    ("1", "How much do you need?"),
    ("1000", "What is the loan for?"),
    ("2", "Loan KES 1,000"),
    ("1", "Enter your Umoja PIN"),
    ("4071", "KES 1,000 is coming to your M-Pesa"),
]


@pytest.fixture(scope="module")
def umoja() -> Iterator[str]:
    """The address of a real server with empty data."""
    with private_server() as url:
        yield url


async def ussd(*arguments: str, typed: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ussd_engine.cli", *arguments],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(typed.encode())
    return process.returncode, out.decode(), err.decode()


@pytest.mark.browser
async def test_a_stranger_joins_and_takes_a_loan_on_the_web_phone(umoja: str, chromium: Browser) -> None:
    context = await chromium.new_context(viewport={"width": 1180, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(f"{umoja}/phone")
    await expect(page.locator("#entry")).to_have_value("*384*89598#")
    await page.locator("#call").click()
    await expect(page.locator("#screen")).to_contain_text("Welcome to Umoja Loans")
    for pressed, screen in JOIN_AND_BORROW:
        await page.locator("#entry").fill(pressed)
        await page.locator("#call").click()
        await expect(page.locator("#screen")).to_contain_text(screen)
    turns = page.locator(".event.turn")
    await expect(turns).to_have_count(len(JOIN_AND_BORROW) + 1)
    await expect(turns.first).to_contain_text("••••→applied")
    await expect(turns.first).to_contain_text("loans.apply ok")
    await expect(turns.last).to_contain_text("dial→language")
    assert "4071" not in await page.locator(".events").inner_html()
    last = await page.locator("#screen").inner_text()
    await page.locator("#retry").click()
    await expect(page.locator("#note")).to_contain_text("The same answer, as it must be")
    assert await page.locator("#screen").inner_text() == last
    await context.close()


async def test_a_piped_dialog_is_answered_by_the_menus(umoja: str) -> None:
    code, out, err = await ussd("try", umoja, "--phone", "+254711000077", typed="2\n3\n")
    assert code == 0, err
    assert "Karibu Umoja Loans" in out
    assert "Hakuna shida. Hatujahifadhi chochote." in out


async def test_a_dropped_call_is_offered_again(umoja: str) -> None:
    code, out, err = await ussd("try", umoja, "--phone", "+254711000078", typed="1\n1\n/hang\n/redial\n1\n")
    assert code == 0, err
    before, after = out.split("[hung up]")
    assert before.count("What is your name") == 1
    assert after.count("What is your name") == 1


async def test_the_events_of_a_session_never_hold_the_number_or_a_reply_to_a_pin(umoja: str) -> None:
    phone = "+254711000079"
    typed = "".join(f"{pressed}\n" for pressed, _ in JOIN_AND_BORROW[:6]).replace("23456781", "23456782")
    code, _, err = await ussd("try", umoja, "--phone", phone, typed=typed)
    assert code == 0, err
    seen = ""
    async with (
        httpx.AsyncClient(base_url=umoja, trust_env=False) as http,
        http.stream("GET", "/phone/events", params={"msisdn": phone}) as stream,
    ):
        async for line in stream.aiter_lines():
            seen += line
            if '"kind":"over"' in line:
                break
    assert '"name":"borrowers.register","outcome":"ok"' in seen
    assert "4071" not in seen
    assert "711000079" not in seen


@pytest.mark.slow
async def test_without_a_server_the_phone_brings_its_own() -> None:
    code, out, err = await ussd("try", "--lines", typed="1\n3\n")
    assert code == 0, err
    assert "Starting a private server" in err
    assert "No problem. We have saved nothing." in out
