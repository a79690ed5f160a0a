"""The API's documentation, as a browser sees it and as it is sent; and what its pages are made of."""

import hashlib
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from services.api import app, pages
from services.api.problems import KINDS

VENDOR = pages.STATIC / "vendor"


@pytest_asyncio.fixture
async def site() -> AsyncIterator[str]:
    """The pages, served; they need no database."""
    made = web.Application()
    made.add_routes(pages.routes(app.rooms))
    server = TestServer(made)
    await server.start_server()
    yield str(server.make_url("")).rstrip("/")
    await server.close()


@pytest_asyncio.fixture
async def session(site: str) -> AsyncIterator[ClientSession]:
    async with ClientSession(site) as made:
        yield made


@pytest_asyncio.fixture
async def page(chromium: Browser, site: str) -> AsyncIterator[Page]:
    """A page on which an error, or a request to another host, fails the test."""
    context = await chromium.new_context(viewport={"width": 1180, "height": 900}, base_url=site)
    opened = await context.new_page()
    opened.set_default_timeout(20_000)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    opened.on("request", lambda sent: None if _ours(site, sent.url) else faults.append(sent.url))
    yield opened
    await context.close()
    assert not faults, "\n".join(faults)


def _ours(site: str, url: str) -> bool:
    return url.startswith((site + "/", "data:", "blob:" + site))


@pytest.mark.browser
async def test_swagger_ui_shows_every_operation(page: Page) -> None:
    await page.goto("/docs")
    operations = app.operations()
    await expect(page.locator(".opblock")).to_have_count(len(operations), timeout=20_000)
    await expect(page.locator(".info .title")).to_contain_text("Umoja Loans")
    first = operations[0]
    await page.locator(f"#operations-{first.tag.replace(' ', '_')}-{first.name} .opblock-summary").click()
    await expect(page.locator(".opblock.is-open")).to_contain_text("Retry-After")


@pytest.mark.browser
async def test_redoc_shows_every_heading_and_finds_words(page: Page) -> None:
    await page.goto("/redoc")
    for room in app.rooms():
        await expect(page.locator("h2", has_text=room.tag).first).to_be_visible(timeout=20_000)
        for operation in room.operations:
            await expect(page.get_by_text(operation.summary).first).to_be_attached()
    background = await page.evaluate(
        "getComputedStyle(document.querySelector('.menu-content')).backgroundColor"
    )
    assert background == "rgb(250, 250, 250)"  # its styles are there, under our policy
    await page.locator("input[type=text]").first.fill("password")
    await expect(page.locator('[data-role="search:results"] li').first).to_be_visible(timeout=20_000)


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/assets/vendor/htmx.min.js"])
async def test_what_a_browser_has_it_is_not_sent_again(session: ClientSession, path: str) -> None:
    async with session.get(path) as first:
        assert first.status == 200
        assert "unsafe" not in first.headers["Content-Security-Policy"]
        assert first.headers["X-Content-Type-Options"] == "nosniff"
        etag, body = first.headers["ETag"], await first.read()
    async with session.get(path, headers={"If-None-Match": f'W/"other", {etag}'}) as again:
        assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", etag)
    async with session.get(path, headers={"Accept-Encoding": "identity"}) as plain:
        assert await plain.read() == body
        assert "Content-Encoding" not in plain.headers


@pytest.mark.parametrize(
    "path",
    ["/assets/vendor/VENDOR.toml", "/assets/vendor/%2e%2e%2fpages.py", "/assets/vendor/..%2f..%2fpages.py",
     "/assets/licences/redoc.txt", "/assets/%2e%2e/pages.py", "/assets/docs/swagger.html", "/problems/none"],
)  # fmt: skip
async def test_nothing_else_is_served(session: ClientSession, path: str) -> None:
    async with session.get(path) as answer:
        assert answer.status == 404


async def test_every_type_of_problem_has_its_page(session: ClientSession) -> None:
    async with session.get("/problems") as answer:
        listed = await answer.text()
    for kind in KINDS:
        async with session.get(kind.type) as answer:
            assert answer.status == 200
            said = await answer.text()
        assert kind.type in said
        assert kind.type in listed
        assert f"status {kind.status}" in said


def test_what_we_carry_of_others_is_as_their_packages_have_it() -> None:
    told = tomllib.loads((VENDOR / "VENDOR.toml").read_text())["package"]
    files = {name: digest for package in told for name, digest in package["files"].items()}
    assert files == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.is_file() and path.name != "VENDOR.toml"
    }
    licences = {name for package in told for name in package["licence_files"]}
    assert licences == {f"licences/{path.name}" for path in (VENDOR / "licences").iterdir()}
    assert all(package["version"] and package["licence"] for package in told)


def test_what_is_not_ours_to_load_is_still_where_we_take_it_out() -> None:
    for name, (elsewhere, _) in pages._ELSEWHERE.items():
        assert (pages.STATIC / name).read_bytes().count(elsewhere) == 1


def test_the_files_are_shipped(repository: Path) -> None:
    """tests/house/test_package.py builds the wheel; this is the line that it needs."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["package-data"]["services.api"] == ["static/**/*"]
