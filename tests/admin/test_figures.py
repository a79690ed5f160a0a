"""Pages of figures: with data and without, for whoever may see them."""

import html
import json
import re
from typing import Any

import pytest

from services import clock
from services.admin import words
from tests.admin.visiting import visitor
from tests.api.conftest import Api, api, api_environment, terms

__all__ = ["api", "api_environment", "terms"]


def charts(page: str) -> dict[str, Any]:
    """What is drawn, by the title of its section."""
    found = re.findall(r"<h2>([^<]*)</h2><p class=\"says\">[^<]*</p>(.*?)</section>", page, re.DOTALL)
    drawn = {}
    for title, section in found:
        if data := re.search(r"data-chart='([^']*)'", section):
            drawn[title] = json.loads(html.unescape(data[1]))
    return drawn


async def dialogs(api: Api, version: str) -> None:
    """An hour in which twenty were shown the first screen, and half of them stopped there."""
    await api.pool.execute("select make_event_partitions(now()::date)")
    await api.pool.executemany(
        "insert into dialog_hour (hour, service, bundle, network, language, state, shown, moved_on, refused,"
        " begun, ended, dwell_ms, within_2s, within_5s, within_10s, within_20s, within_60s, longer)"
        " values (date_trunc('hour', now()), 'umoja', $1, $2, 'en', 'welcome', 10, $3, 0, 10, 0, 20000,"
        " 0, 10, 0, 0, 0, 0)",
        [(version, "Safaricom", 8), (version, "Airtel", 2)],
    )


async def test_before_anything_happened_every_section_says_so(api: Api) -> None:
    viewer = await visitor(api, "viewer")
    for days in ("", "?days=7", "?days=90", "?days=nonsense"):
        page = await viewer.get(f"/analytics{days}")
        assert page.status == 200, page.text
    assert "Nobody dialled this version in these days." in page.text
    assert "Nothing in these days." in page.text
    assert "Portfolio at risk" in page.text


async def test_a_loan_is_in_the_charts_and_in_the_tables_below_them(api: Api) -> None:
    phone = await api.phone().join()
    outcome = await phone.borrow(500_000)
    await phone.money_arrives(outcome.value["ref"])
    live = api.desk.bundles.live()["umoja"].name
    await dialogs(api, live)
    viewer = await visitor(api, "viewer")

    page = await viewer.get("/analytics?days=7")
    day = words.day(clock.nairobi_date(clock.now()))
    assert f"Day PAR 1 PAR 30 PAR 60 PAR 90 {day} 0.0 % 0.0 % 0.0 % 0.0 %" in page.text
    assert re.search(rf"Day Limits Drawn {day} [0-9,]+\.00 5,000\.00", page.text)
    assert charts(page.html) == {}  # of one day there is nothing to draw
    assert "Principal owed 5,000.00" in page.text

    funnel = page.text[page.text.index("Where people stop") :]
    assert f"{live} State" in funnel
    assert re.search(r"welcome 100\.0 % 20 10 0 10 50\.0 % 2\.0 s", funnel), funnel[:400]


async def test_days_are_drawn_with_gaps_where_nothing_is_known(api: Api) -> None:
    await api.pool.execute(
        "insert into business_day (day, counts)"
        " select current_date - n, '{}' from generate_series(3, 2, -1) as n"
    )
    await api.pool.executemany(
        "insert into portfolio_day (day, product, loans, principal_cents, charges_cents, par1_cents,"
        " par30_cents, par60_cents, par90_cents, disbursed_cents, repaid_cents, written_off_cents,"
        " recovered_cents) values (current_date - $1::int, $2, 1, $3, 0, $4, 0, 0, 0, 0, 0, 0, 0)",
        [(3, "a", 100_00, 50_00), (3, "b", 300_00, 0), (2, "a", 0, 0)],
    )
    viewer = await visitor(api, "viewer")
    page = await viewer.get("/analytics?days=7")
    risk = charts(page.html)["Portfolio at risk"]
    assert (risk["kind"], [each["name"] for each in risk["series"]]) == (
        "lines", ["PAR 1", "PAR 30", "PAR 60", "PAR 90"],
    )  # fmt: skip
    late = risk["series"][0]
    assert (late["unit"], late["values"]) == ("share", [0.125, None])  # of both products; of nothing
    assert risk["x"][1] - risk["x"][0] == 86_400
    assert "12.5 %" in page.text


async def test_the_funnel_is_told_apart_by_network_and_by_version(api: Api) -> None:
    live = api.desk.bundles.live()["umoja"].name
    await dialogs(api, live)
    await dialogs(api, "0123456789ab")
    viewer = await visitor(api, "viewer")
    mine = await viewer.get("/analytics?by_network=true&by_language=true")
    assert f"{live} · Airtel · en" in mine.text
    assert f"{live} · Safaricom · en" in mine.text
    assert "0123456789ab · Airtel" not in mine.text
    both = await viewer.get("/analytics?bundle=all")
    assert both.text.count("welcome 100.0 % 20 10") == 2
    wrong = await viewer.get("/analytics?bundle=..%2Fx")
    assert wrong.status == 422


async def test_a_report_is_shown_as_a_table_and_its_file_comes_by_the_same_cookie(api: Api) -> None:
    phone = await api.phone().join()
    outcome = await phone.borrow(500_000)
    await phone.money_arrives(outcome.value["ref"])
    viewer = await visitor(api, "viewer")
    page = await viewer.get("/reports")
    assert page.status == 200, page.text
    assert "No report was made as a file yet." in page.text
    assert "Not for your role, as they name people:" in page.text
    form = page.form("/admin/reports/portfolio")
    assert form.fields["format"] == ["csv"]

    today = await api.pool.fetchval("select (now() at time zone 'Africa/Nairobi')::date")
    shown = await viewer.get(f"/reports/portfolio?as_of={today}&format=csv")
    assert shown.status == 200, shown.text
    assert "5,000.00" in shown.text
    assert "PAR 30 0.0 %" in shown.text
    file = await viewer.http.get("/api/v1/reports/portfolio", params={"as_of": str(today), "format": "csv"})
    assert (file.status_code, file.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert "portfolio" in (await viewer.get("/reports")).form("/admin/reports/portfolio").action
    assert "given to who made it" in (await viewer.get("/reports")).text

    assert (await viewer.get("/reports/nothing")).status == 404
    assert (await viewer.get("/reports/portfolio?as_of=2999-01-01")).status == 422
    assert (await viewer.get("/reports/crb")).status == 403


async def test_every_report_that_can_be_asked_for_has_a_page(api: Api) -> None:
    admin = await visitor(api, "admin")
    page = await admin.get("/reports")
    assert "Not for your role" not in page.text
    asked = [form for form in page.forms if form.action.startswith("/admin/reports/")]
    listed = (await api.as_("admin").get("/reports")).json()["items"]
    assert len(asked) == len(listed)
    for form in asked:
        query = "&".join(f"{name}={text}" for name, (text,) in form.fields.items())
        shown = await admin.get(f"{form.action.removeprefix('/admin')}?{query}")
        assert shown.status == 200, (form.action, shown.text)


@pytest.mark.parametrize("path", ["/analytics", "/reports", "/menus", "/menus/new", "/bulk", "/settings"])
async def test_nobody_is_asked_to_log_in_first(api: Api, path: str) -> None:
    answer = await api.nobody.get(f"{api.url}/admin{path}")
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/admin/login")
