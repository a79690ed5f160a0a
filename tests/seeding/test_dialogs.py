"""The dialogs of a made-up lender: they agree with its loans, with themselves, and with the menus."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import asyncpg

from services import clock
from services.analytics import dialogs as figures
from services.analytics.period import Period
from services.seeding.dialogs import NEW_DAYS, before
from services.seeding.paths import LOOKS, PATHS
from tests.seeding.worlds import DAYS, LAST, rows
from ussd_engine.bundle import bundle_name
from ussd_engine.menu.check import read_sources

FIRST = LAST - timedelta(days=DAYS - 1)
ALL = Period(since=FIRST, until=LAST)


def version(repository: Path) -> str:
    """The menus' name as it is published."""
    return bundle_name(read_sources(repository / "menus" / "umoja"))


async def test_as_many_dialogs_end_as_loans_were_asked_for_and_payments_prompted(seeded_url: str) -> None:
    ended = {
        row["state"]: int(row["n"])
        for row in await rows(seeded_url, "select state, sum(ended) as n from dialog_hour group by 1")
    }
    asked = await rows(
        seeded_url,
        "select (select count(*) from loan) as loans,"
        " (select count(*) from decision where loan_id is null) as refused,"
        " (select count(*) from payment_request) as prompts,"
        " (select count(*) from loan_event where move = 'roll_over') as more_time",
    )
    assert ended["applied"] + ended["in_review"] == asked[0]["loans"]
    assert ended["not_eligible"] == asked[0]["refused"]
    assert ended["prompted"] == asked[0]["prompts"]
    assert ended["more_time_given"] == asked[0]["more_time"]


async def test_nobody_comes_from_nowhere_or_leaves_twice(seeded_url: str) -> None:
    wrong = await rows(
        seeded_url,
        "select * from dialog_hour where shown < moved_on + ended or begun > shown"
        " or within_2s + within_5s + within_10s + within_20s + within_60s + longer <> moved_on + refused"
        " or (dwell_ms = 0) <> (moved_on + refused = 0)",
    )
    assert wrong == []
    hours = await rows(
        seeded_url,
        "select hour, sum(shown) as shown, sum(begun + moved_on) as came, sum(begun) as begun,"
        " sum(shown - moved_on - ended) as dropped, sum(ended) as ended from dialog_hour group by 1",
    )
    assert all(row["shown"] == row["came"] for row in hours)
    ends = await rows(
        seeded_url,
        "select hour, sum(sessions) as sessions, sum(sessions) filter (where status = 'Success') as good,"
        " min(cost_micros) as cost, min(hops) as hops, min(duration_ms) as ms from session_hour group by 1",
    )
    by_hour = {row["hour"]: row for row in ends}
    for row in hours:
        end = by_hour[row["hour"]]
        assert end["sessions"] == row["begun"] == row["dropped"] + row["ended"]
        assert (end["good"] or 0) == row["ended"]
        assert end["cost"] > 0
        assert end["hops"] > 0


async def test_the_places_are_states_of_the_menus_and_can_be_gone_through_in_this_order(
    repository: Path,
) -> None:
    text = "\n".join((repository / "menus" / "umoja" / f"{name}.yaml").read_text()
                     for name in ("register", "main", "apply", "repay", "account"))  # fmt: skip
    for path in (*PATHS.values(), *(path for _, path in LOOKS)):
        for state in (*(place.state for place in path.places), path.last):
            assert f"\n  {state}:\n" in text, state
        assert path.action in text
        assert ("end:" in text.partition(f"\n  {path.last}:\n")[2].partition("\n")[0]) == path.ends


async def test_the_funnel_of_the_live_version_is_filled_and_fewer_give_up_than_before(
    seeded_url: str, repository: Path
) -> None:
    live = version(repository)
    connection = await asyncpg.connect(seeded_url)
    try:
        found = await figures.funnel(connection, ALL, None, by_network=True, by_language=True)
        now = await figures.funnel(connection, ALL, live, by_network=False, by_language=False)
        old = await figures.funnel(connection, ALL, before(live), by_network=False, by_language=False)
        dials = (await figures.conversion(connection, ALL)).total.dials
    finally:
        await connection.close()
    assert {state.bundle for state in found.states} == {live, before(live)}
    assert {state.network for state in found.states} == {"safaricom", "airtel", "telkom"}
    assert {state.language for state in found.states} == {"en", "sw"}
    assert sum(end.sessions for end in found.ends) == dials
    assert {(end.status, end.currency) for end in found.ends} == {
        ("Success", "KES"), ("Incomplete", "KES"), ("Failed", "KES"),
    }  # fmt: skip
    assert sum(end.cost_cents for end in found.ends) > dials * 70
    rates = [{state.state: state for state in each.states}["national_id"] for each in (now, old)]
    assert all(rate.dwell_ms and 3_000 < rate.dwell_ms < 30_000 for rate in rates)
    assert 0.02 < (rates[1].drop_off or 0) < 0.5
    offers = [{state.state: state for state in each.states}["offer"].drop_off or 0 for each in (now, old)]
    assert offers[0] < offers[1]


async def test_the_present_menus_are_those_of_the_last_days(seeded_url: str, repository: Path) -> None:
    first = await rows(
        seeded_url, f"select min(hour) as at from dialog_hour where bundle = '{version(repository)}'"
    )
    since = datetime.combine(LAST - timedelta(days=NEW_DAYS - 1), time(), clock.NAIROBI)
    assert since <= first[0]["at"] < since + timedelta(days=4)
    last = await rows(seeded_url, "select max(hour) as at from dialog_hour")
    assert last[0]["at"] < datetime.combine(LAST + timedelta(days=1), time(), clock.NAIROBI).astimezone(UTC)


async def test_the_server_counted_each_turn_once(seeded_url: str) -> None:
    counted = {
        (row["metric"], row["other"]): row["n"]
        for row in await rows(
            seeded_url, "select metric, other, sum(value) as n from server_hour group by metric, other"
        )
    }
    dialog = await rows(
        seeded_url, "select sum(begun + moved_on + refused) as turns, sum(ended) as ended from dialog_hour"
    )
    turns, ended = int(dialog[0]["turns"]), int(dialog[0]["ended"])
    assert counted["turns", "more"] + counted["turns", "end"] == turns == counted["turn_seconds", ""]
    assert counted["turns", "end"] == ended
    assert counted["actions", "ok"] == counted["action_seconds", ""]
