"""One lender and one login a role, for all tests of the module's pages."""

from collections.abc import AsyncIterator

import pytest_asyncio
import redis
from playwright.async_api import Browser, BrowserContext, Page

from tests import databases
from tests.admin.lender import Lender, opened
from ussd_engine.embedded import Servers


@pytest_asyncio.fixture(scope="session")
async def lender(servers: Servers, migrated_template: str) -> AsyncIterator[Lender]:
    """A few hundred made-up borrowers, served; made once a run. A test undoes nothing: it takes its own."""
    url = servers.redis_url  # database 0: tests of others have 1 to 15
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    with databases.copy(servers, migrated_template) as pg_url:
        async with opened(pg_url, url) as made:
            yield made


async def logged_in(browser: Browser, lender: Lender, role: str, **context: object) -> Page:
    """A page of somebody of that role."""
    made: BrowserContext = await browser.new_context(base_url=lender.url, **context)  # type: ignore[arg-type]
    page = await made.new_page()
    await page.goto("/admin/login")
    await page.fill("[name=email]", lender.email(role))
    await page.fill("[name=password]", lender.password)
    await page.click("button[type=submit]")
    await page.wait_for_url(f"{lender.url}/admin")
    return page
