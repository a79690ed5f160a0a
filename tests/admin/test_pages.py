"""The admin page in a real browser: coming in, finding somebody, deciding, and what a page must never do."""

import asyncio
import re
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page

from services.admin.listing import LISTS
from services.admin.site import NAVIGATION
from tests.admin.conftest import logged_in
from tests.admin.lender import Lender

PHONE = {"width": 390, "height": 780}

# Every text against what is behind it: the lowest contrast found, and its words.
CONTRAST = """
() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = rgb(getComputedStyle(at).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  let worst = [21, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || !parent.checkVisibility() || parent.closest(".uplot, option, script")) continue;
    const [a, b] = [light(rgb(getComputedStyle(parent).color)), light(behind(parent))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, words.slice(0, 60)];
  }
  return worst;
}
"""


async def paths_for(lender: Lender) -> list[str]:
    """Every page there is, with somebody's and a loan's."""
    row = await lender.pool.fetchrow("select borrower_id, ref from loan where state = 'overdue' limit 1")
    tabs = [tab.path for _, tabs in NAVIGATION for tab in tabs]
    return [f"/admin{path}" for path in (*tabs, f"/borrowers/{row['borrower_id']}", f"/loans/{row['ref']}")]


async def test_every_page_opens_without_an_error_another_host_or_a_sideways_scroll(
    chromium: Browser, lender: Lender
) -> None:
    page = await logged_in(chromium, lender, "admin", viewport=PHONE)
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            wrong.append(asked.url)
            if urlsplit(asked.url).netloc not in ("", urlsplit(lender.url).netloc)
            else None
        ),
    )
    for path in await paths_for(lender):
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        await page.wait_for_load_state("networkidle")
        wide = await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, path
        nameless = await page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
            ".filter((each) => !each.labels?.length && !each.ariaLabel).map((each) => each.name)"
        )
        assert nameless == [], path
    assert wrong == []
    await page.context.close()


async def test_no_table_hides_its_last_columns_on_a_desktop(chromium: Browser, lender: Lender) -> None:
    """What is to be done about a row stands in its last column."""
    page = await logged_in(chromium, lender, "admin", viewport={"width": 1280, "height": 860})
    hidden = []
    for path in await paths_for(lender):
        await page.goto(path)
        hidden += await page.evaluate(
            "(path) => [...document.querySelectorAll('.scroll')]"
            ".filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)"
            ".map((each) => [path, each.ariaLabel, each.scrollWidth - each.clientWidth])",
            path,
        )
    assert hidden == []
    await page.context.close()


async def test_words_can_be_read_in_both_themes(chromium: Browser, lender: Lender) -> None:
    for theme in ("light", "dark"):
        page = await logged_in(chromium, lender, "admin", color_scheme=theme)
        for path in await paths_for(lender):
            await page.goto(path)
            ratio, words = await page.evaluate(CONTRAST)
            assert ratio >= 4.5, (theme, path, words)
        await page.context.close()


async def test_nobody_is_shown_a_page_they_may_not_see_nor_a_link_to_it(
    chromium: Browser, lender: Lender
) -> None:
    for role in ("viewer", "officer", "approver", "product"):
        page = await logged_in(chromium, lender, role)
        links = set(await page.eval_on_selector_all("nav a", "all => all.map((a) => a.getAttribute('href'))"))
        for _, tabs in NAVIGATION:
            for tab in tabs:
                answer = await page.request.get(f"/admin{tab.path}")
                assert answer.status == (200 if f"/admin{tab.path}" in links else 403), (role, tab.path)
        await page.context.close()


async def test_a_borrower_is_found_by_name_and_by_keyboard_alone(chromium: Browser, lender: Lender) -> None:
    row = await lender.pool.fetchrow(
        "select id, name from borrower where name is not null order by id desc limit 1"
    )
    page = await logged_in(chromium, lender, "viewer")
    await page.goto("/admin/borrowers")
    await page.keyboard.press("/")
    await page.keyboard.type(row["name"])
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile("q="))
    await page.focus(f"a[href='/admin/borrowers/{row['id']}']")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(f"/borrowers/{row['id']}$"))
    assert row["name"] in await page.inner_text("h1")
    assert not re.search(r"\b254\d{9}\b", await page.content())  # whole numbers are asked for
    await page.context.close()


async def propose(page: Page, lender: Lender, nth: int) -> tuple[int, str]:
    """Propose to waive a shilling of an overdue loan, by its page; the approval's number and the loan."""
    ref = await lender.pool.fetchval(
        "select ref from loan where state = 'overdue' order by id limit 1 offset $1", nth
    )
    await page.goto(f"/admin/loans/{ref}")
    await page.click("summary:has-text('Waive charges')")
    form = page.locator("form[action='/admin/do/propose_waiver']")
    await form.locator("[name='kes.amount_cents']").fill("1")
    await form.locator("[name=reason]").fill("A test of the page")
    await form.locator("button").click()
    said = await page.inner_text(".flash")
    found = re.search(r"approval (\d+)", said)
    assert found, said
    return int(found[1]), ref


async def test_what_one_proposes_another_approves_and_nobody_their_own(
    chromium: Browser, lender: Lender
) -> None:
    one, other = await logged_in(chromium, lender, "approver"), await logged_in(chromium, lender, "admin")
    number, ref = await propose(one, lender, 0)
    await one.goto("/admin/approvals?status=proposed")
    mine = one.locator("article", has_text=ref)
    assert "You proposed this" in await mine.inner_text()
    assert await mine.locator("button").count() == 0

    await other.goto("/admin/approvals?status=proposed")
    theirs = other.locator("article", has_text=ref)
    await theirs.locator("[name=note]").fill("Looked at it")
    await theirs.locator("button", has_text="Approve").click()
    assert await other.inner_text(".flash") == "Approved."
    row = await lender.pool.fetchrow("select state, decided_by, note from approval where id = $1", number)
    assert tuple(row) == ("approved", lender.email("admin"), "Looked at it")
    await asyncio.gather(one.context.close(), other.context.close())


async def test_a_decision_that_somebody_else_took_first_is_said_plainly(
    chromium: Browser, lender: Lender
) -> None:
    one, other = await logged_in(chromium, lender, "officer"), await logged_in(chromium, lender, "admin")
    third = await logged_in(chromium, lender, "approver")
    _, ref = await propose(one, lender, 1)
    for page in (other, third):
        await page.goto("/admin/approvals?status=proposed")
    await other.locator("article", has_text=ref).locator("button", has_text="Reject").click()
    assert await other.inner_text(".flash") == "Rejected."
    await third.locator("article", has_text=ref).locator("button", has_text="Approve").click()
    assert "has rejected this already" in await third.inner_text("[role=alert]")
    await asyncio.gather(*(page.context.close() for page in (one, other, third)))


async def test_a_login_that_ended_in_the_middle_of_a_form_loses_nothing_silently(
    chromium: Browser, lender: Lender
) -> None:
    page = await logged_in(chromium, lender, "officer")
    ref = await lender.pool.fetchval("select ref from loan where state = 'overdue' order by id desc limit 1")
    await page.goto(f"/admin/loans/{ref}")
    await page.click("summary:has-text('Write off')")
    form = page.locator("form[action='/admin/do/propose_write_off']")
    await form.locator("[name=reason]").fill("They have left the country")
    await page.context.clear_cookies()
    await form.locator("button").click()
    said = await page.inner_text("[role=alert]")
    assert "nothing was done yet" in said
    assert await lender.pool.fetchval("select count(*) from approval where subject = $1", ref) == 0
    await page.fill("[name=email]", lender.email("officer"))
    await page.fill("[name=password]", lender.password)
    await page.click("button[type=submit]")
    assert await page.input_value("[name=reason]") == "They have left the country"
    await page.click("button:has-text('Try again')")
    assert "second person" in await page.inner_text(".flash")
    await page.context.close()


async def test_a_wrong_password_and_an_address_elsewhere_lead_nowhere(
    chromium: Browser, lender: Lender
) -> None:
    context = await chromium.new_context(base_url=lender.url)
    page = await context.new_page()
    await page.goto("/admin/login?next=https://elsewhere.example/")
    await page.fill("[name=email]", lender.email("viewer"))
    await page.fill("[name=password]", "not it at all")
    await page.click("button[type=submit]")
    assert "do not belong together" in await page.inner_text("[role=alert]")
    assert await page.input_value("[name=email]") == lender.email("viewer")
    await page.fill("[name=password]", lender.password)
    await page.click("button[type=submit]")
    await page.wait_for_url(f"{lender.url}/admin")
    await context.close()


async def test_a_form_of_another_site_changes_nothing(chromium: Browser, lender: Lender) -> None:
    page = await logged_in(chromium, lender, "admin")
    before = await lender.pool.fetchval("select count(*) from audit")
    for headers in ({"Origin": "https://elsewhere.example"}, {}):
        answer = await page.request.post(
            "/admin/do/pause_payouts", form={"reason": "a trick", "_csrf": "0" * 64}, headers=headers
        )
        assert answer.status == 403
    assert await lender.pool.fetchval("select count(*) from audit") == before
    await page.context.close()


async def test_what_people_are_called_is_never_run(chromium: Browser, lender: Lender) -> None:
    name = "<script>document.title='run'</script><img src=x onerror=alert(1)>"
    number = await lender.pool.fetchval("select max(id) from borrower where name is not null")
    await lender.pool.execute("update borrower set name = $2 where id = $1", number, name[:60])
    page = await logged_in(chromium, lender, "viewer")
    wrong: list[str] = []
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    await page.goto(f"/admin/borrowers/{number}")
    assert await page.title() != "run"
    assert name[:60] in await page.inner_text("h1")
    assert wrong == []
    await page.context.close()


def test_every_list_names_an_operation_and_says_what_to_do_when_it_is_empty() -> None:
    assert all(each.empty.endswith(".") and each.says.endswith(".") for each in LISTS)
