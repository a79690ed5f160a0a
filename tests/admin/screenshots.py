"""A picture of each page for docs/admin.md: `python -m tests.admin.screenshots [FOLDER]`; `--all` makes each
on a phone and in the dark, too, to be looked at.

A private PostgreSQL and Redis, a few hundred made-up borrowers, and Chromium.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from migrations import run as migrations
from tests.admin.busy import make_busy
from tests.admin.lender import Lender, opened
from tests.browser_fixture import ARGUMENTS, CHROMIUM
from ussd_engine.embedded import Servers

DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 780}
PAGES = {
    "today": "", "borrowers": "/borrowers", "loans": "/loans", "approvals": "/approvals",
    "suspense": "/suspense", "differences": "/differences",
    "payouts": "/payouts", "wallets": "/wallets", "transactions": "/transactions", "days": "/days",
    "messages": "/messages", "bulk": "/bulk", "many": "/many", "sessions": "/sessions", "menus": "/menus",
    "analytics": "/analytics", "reports": "/reports", "audit": "/audit", "staff": "/staff", "keys": "/keys",
    "settings": "/settings",
}  # fmt: skip
ALSO_SMALL = ("borrower",)
ALSO_DARK = ("today",)


async def main(folder: Path, *, everything: bool) -> None:
    """Make them all."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, Servers(Path(name), durable=False) as servers:
        servers.sql("CREATE DATABASE pictures")
        url = servers.url_of("pictures")
        await asyncio.to_thread(migrations.upgrade, url)
        async with opened(url, servers.redis_url) as lender, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=ARGUMENTS, env={**os.environ, "LANGUAGE": "en_GB"}
            )
            await make_busy(lender)
            pages = PAGES | await _of_somebody(lender)
            await _each(browser, lender, folder, pages, DESKTOP, "light", "")
            small = pages if everything else {name: pages[name] for name in ALSO_SMALL}
            dark = pages if everything else {name: pages[name] for name in ALSO_DARK}
            await _each(browser, lender, folder, small, PHONE, "light", "-phone")
            await _each(browser, lender, folder, dark, DESKTOP, "dark", "-dark")
            await browser.close()


async def _of_somebody(lender: Lender) -> dict[str, str]:
    """The pages of a borrower who owes something, and of the loan."""
    row = await lender.pool.fetchrow(
        "select borrower_id, ref from loan where state = 'overdue' order by id desc limit 1"
    )
    return {"borrower": f"/borrowers/{row['borrower_id']}", "loan": f"/loans/{row['ref']}"}


async def _each(
    browser: Browser, lender: Lender, folder: Path, pages: dict[str, str], size: Any, theme: Any, suffix: str
) -> None:
    context = await browser.new_context(
        viewport=size, color_scheme=theme, base_url=lender.url, locale="en-GB"
    )
    page = await context.new_page()
    await page.goto("/admin/login")
    if not suffix:
        await page.screenshot(path=folder / "login.png")
    await page.fill("[name=email]", lender.email("admin"))
    await page.fill("[name=password]", lender.password)
    await page.click("button[type=submit]")
    await page.wait_for_url(f"{lender.url}/admin")
    for name, path in pages.items():
        await page.goto(f"/admin{path}")
        await page.wait_for_load_state("networkidle")
        await page.screenshot(path=folder / f"{name}{suffix}.png")
    await context.close()


if __name__ == "__main__":
    wanted = [each for each in sys.argv[1:] if each != "--all"]
    asyncio.run(main(Path(wanted[0] if wanted else "docs/admin"), everything="--all" in sys.argv))
