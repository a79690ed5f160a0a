"""Each figure of a small portfolio, worked out by hand: three people, three loans of 5,000 and one of 3,000.

Umoja's product: flat 15 % for 30 days, excise 20 % of the fee: a loan of 5,000 owes 5,900, one of 3,000
3,540.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from services import clock
from services.analytics import collecting, dialogs, lending, rollup, server
from services.analytics.period import MOST_DAYS, Period
from services.ledger import charges
from services.loans.terms import Terms
from tests.services.lending import TODAY, close_until, in_transaction, lent, noon
from tests.services.world import Phone
from ussd_engine.observe import recorder as recording
from ussd_engine.observe.board import Board
from ussd_engine.observe.recorder import Recorder
from ussd_engine.turn import SessionEvent

EVERYTHING = Period(since=TODAY - timedelta(days=400), until=TODAY)
DAY = timedelta(days=1)


@dataclass
class Seeded:
    """Who has what. today: the day the figures are of."""

    pool: Any
    late: str
    fresh: str
    partly: str


@pytest_asyncio.fixture
async def seeded(pool: Any, terms: Terms) -> Seeded:
    amina, juma, zoe = [await Phone(pool, terms).join() for _ in range(3)]
    await amina.borrow_and_repay(days=30, ago=200)  # in time, to the day
    late = await lent(amina, TODAY - timedelta(days=45))
    fresh = await lent(juma, TODAY + timedelta(days=10), 300_000)
    partly = await lent(zoe, TODAY)
    await zoe.pay(partly, 100_000, "P1", noon(TODAY - timedelta(days=3)))
    await zoe.pay(partly, 90_000, "P2", noon(TODAY))
    await in_transaction(pool, charges.mpesa_charge, "P2", 1_500)
    async with pool.acquire() as connection:
        assert await rollup.catch_up(connection)
    return Seeded(pool, late, fresh, partly)


async def of(seeded: Seeded, figure: Any, *asked: Any) -> Any:
    async with seeded.pool.acquire() as connection:
        return await figure(connection, *asked)


async def test_the_portfolio_at_risk_now(seeded: Seeded) -> None:
    found = await of(seeded, lending.portfolio, EVERYTHING, TODAY)
    # Zoe's 1,900 went to her charges first, 900, and to 1,000 of her principal; hers is due today, not late.
    assert [row.model_dump(exclude={"product"}) for row in found.now] == [
        {
            "day": TODAY, "loans": 3, "principal_cents": 500_000 + 300_000 + 400_000,
            "charges_cents": 90_000 + 54_000, "par1_cents": 500_000, "par30_cents": 500_000,
            "par60_cents": 0, "par90_cents": 0,
            "par1": round(5 / 12, 4), "par30": round(5 / 12, 4), "par60": 0.0, "par90": 0.0,
        }
    ]  # fmt: skip
    tomorrow = (await of(seeded, lending.portfolio, EVERYTHING, TODAY + DAY)).now
    assert tomorrow[0].par1_cents == 900_000


async def test_the_portfolio_of_days_before_is_as_their_end_saw_it(seeded: Seeded) -> None:
    await close_until(seeded.pool, TODAY - DAY)
    found = await of(seeded, lending.portfolio, Period(since=TODAY - DAY, until=TODAY), TODAY)
    [yesterday] = found.days
    assert (yesterday.day, yesterday.loans) == (TODAY - DAY, 3)
    # Of Zoe's 1,000 three days ago, 900 went to charges.
    assert yesterday.principal_cents == 500_000 + 300_000 + 490_000
    assert yesterday.par30_cents == 500_000


async def test_vintages_month_by_month(seeded: Seeded) -> None:
    await close_until(seeded.pool, TODAY - DAY)
    month = (TODAY - timedelta(days=75)).replace(day=1)  # in which the late loan's money came
    found = await of(seeded, lending.vintages, month, month, TODAY)
    assert [row.on_book for row in found.months] == list(range(len(found.months)))
    last = found.months[-1]
    assert (last.lent_cents, last.repaid_cents, last.principal_cents) == (500_000, 0, 500_000)
    assert (last.par30, last.par90, last.written_off) == (1.0, 0.0, 0.0)
    assert found.months[0].par30 == 0.0  # a month that began 30 days before it was due

    first = (TODAY - timedelta(days=200)).replace(day=1)
    paid = (await of(seeded, lending.vintages, first, first, TODAY)).months[-1]
    assert (paid.lent_cents, paid.repaid, paid.principal_cents) == (500_000, 1.0, 0)


async def test_defaults_by_vintage(seeded: Seeded) -> None:
    await close_until(seeded.pool, TODAY + timedelta(days=60))  # the late loan is more than 90 days late
    async with seeded.pool.acquire() as connection:
        await rollup.catch_up(connection)
    found = await of(seeded, lending.defaults, date(2000, 1, 1), TODAY)
    defaulted = {row.vintage: row.defaulted for row in found.vintages if row.defaulted}
    assert defaulted == {(TODAY - timedelta(days=75)).replace(day=1): 1}
    assert sum(row.loans for row in found.vintages) == 4
    assert (found.rate, found.rate_by_principal) == (0.25, round(500_000 / 1_800_000, 4))


async def test_collections_by_due_date_and_day_and_todays_promise(seeded: Seeded) -> None:
    found = await of(seeded, collecting.collections, EVERYTHING, TODAY)
    due = {row.due_on: row for row in found.due}
    assert due[TODAY - timedelta(days=45)].model_dump(include={"owed_cents", "paid_cents", "in_time"}) == {
        "owed_cents": 590_000, "paid_cents": 0, "in_time": 0.0,
    }  # fmt: skip
    paid = due[TODAY - timedelta(days=170)]
    assert (paid.owed_cents, paid.paid_in_time_cents, paid.in_time) == (590_000, 590_000, 1.0)
    assert (due[TODAY].paid_in_time_cents, due[TODAY].within_7) == (190_000, round(19 / 59, 4))
    assert found.today.model_dump() == {
        "day": TODAY, "promised_cents": 490_000, "kept_cents": 90_000, "kept": round(9 / 49, 4),
    }  # fmt: skip
    came = {row.day: (row.principal_cents, row.charges_cents) for row in found.collected}
    assert came == {
        TODAY - timedelta(days=170): (500_000, 90_000),
        TODAY - timedelta(days=3): (10_000, 90_000),
        TODAY: (90_000, 0),
    }


async def test_borrowers_limits_and_waits(seeded: Seeded) -> None:
    active = await of(seeded, lending.active, TODAY)
    assert (active.within_30, active.within_90, active.owing) == (2, 3, 3)
    limits = (await of(seeded, lending.limits, EVERYTHING, TODAY)).days[-1]
    granted = await seeded.pool.fetchval("select sum(limit_cents)::bigint from borrower")
    assert (limits.day, limits.borrowers, limits.limit_cents) == (clock.nairobi_date(clock.now()), 3, granted)
    assert (limits.drawn_cents, limits.utilisation) == (1_200_000, round(1_200_000 / granted, 4))
    waits = (await of(seeded, lending.waits, EVERYTHING)).days
    assert sum(row.loans for row in waits) == 4
    # The tests' loans are backdated: their money came before they were asked for.
    asked = await seeded.pool.fetchrow(
        "select applied_at, disbursed_at from loan where ref = $1", seeded.late
    )
    [late] = [row for row in waits if row.day == clock.nairobi_date(asked["disbursed_at"])]
    wanted = (asked["disbursed_at"] - asked["applied_at"]).total_seconds()
    assert (late.p50_s, late.p99_s) == (pytest.approx(wanted), pytest.approx(wanted))


async def test_what_a_loan_costs_and_what_a_dial_becomes(
    seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = noon(TODAY).timestamp()
    monkeypatch.setattr(recording.time, "time", lambda: moment)
    board = Board()
    main = board.funnel.audience("umoja", "b1", "safaricom").at("en", "main")
    for _ in range(8):
        main.open(True)
    amount = board.funnel.audience("umoja", "b1", "safaricom").at("en", "amount")
    for number in range(6):
        amount.follow(main, 4_000, number == 0, True)
    amount.follow(amount, 30_000, True, True)
    board.funnel.audience("umoja", "b1", "airtel").at("sw", "main").open(False)

    class Nothing:
        async def call(self, *_command: Any) -> Any:
            return None

    flushed = Recorder(board, seeded.pool, Nothing(), "test")  # type: ignore[arg-type]
    for number, cost in enumerate(("KES 0.80", "KES 0.80", "KES 0.404", "USD 5")):
        told = SessionEvent("africastalking", f"s{number}", "254712345678", "*384#", "safaricom", "Success",
                            cost, 9_000, 3)  # fmt: skip
        board.funnel.over(told)
    assert await flushed.flush()

    today = Period(since=TODAY, until=TODAY)
    told = await of(seeded, dialogs.conversion, today)
    [day] = told.days
    assert (day.dials, day.applied, day.approved, day.paid_out) == (9, 4, 4, 0)  # all were applied for today
    assert day.applied_per_dial == round(4 / 9, 4)
    assert told.total.dials == 9

    costs = await of(seeded, collecting.costs, EVERYTHING)
    # 0.80 + 0.80 + 0.404 shillings are 200.4 cents; the dollars are none of ours.
    assert (costs.total.ussd_cents, costs.total.mpesa_cents, costs.total.loans) == (200, 1_500, 4)
    assert costs.total.per_loan_cents == round(costs.total.total_cents / 4)

    async with seeded.pool.acquire() as connection:
        together = await dialogs.funnel(connection, today, "b1", by_network=False, by_language=False)
        apart = await dialogs.funnel(connection, today, None, by_network=True, by_language=True)
    states = {row.state: row for row in together.states}
    assert (states["main"].shown, states["main"].moved_on, states["main"].ended) == (9, 6, 1)
    assert (states["main"].dropped, states["main"].drop_off) == (2, round(2 / 9, 4))
    assert (states["main"].dwell_ms, states["main"].within_5s, states["main"].refused) == (4_000, 6, 1)
    assert (states["amount"].dropped, states["amount"].answers) == (6, 1)
    assert [(row.network, row.language, row.state) for row in apart.states] == [
        ("airtel", "sw", "main"), ("safaricom", "en", "main"), ("safaricom", "en", "amount"),
    ]  # fmt: skip
    assert together.ends == []  # where these sessions stood was not known
    assert {(row.currency, row.sessions, row.cost_cents) for row in apart.ends} == {
        ("KES", 3, 200), ("USD", 1, 500),
    }  # fmt: skip


async def test_messages_count_what_the_gateway_charged_for(seeded: Seeded) -> None:
    await seeded.pool.execute(
        "update sms set state = 'sending', language = 'en', words = 'x', parts = 1,"
        " sending_at = $1 where id in (select id from sms order by id limit 3)", noon(TODAY),
    )  # fmt: skip
    await seeded.pool.execute(
        "update sms set state = 'accepted', provider_id = id::text, cost_cents = 80 where id in"
        " (select id from sms where state = 'sending' order by id limit 2)"
    )
    async with seeded.pool.acquire() as connection:
        await rollup.catch_up(connection)
    day = (await of(seeded, collecting.costs, Period(since=TODAY, until=TODAY))).days[0]
    assert (day.messages, day.sms_cents) == (2, 160)


async def test_times_and_errors_of_the_server(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording.time, "time", lambda: noon(TODAY).timestamp())
    board = Board()
    board.turns.labels("africastalking", "more").inc(97)
    board.turns.labels("africastalking", "busy").inc(1)
    board.faults.labels("late").inc(2)
    board.turns.labels("africastalking", "end").inc(2)
    for count, seconds in ((60, 0.0004), (38, 0.004), (2, 20.0)):
        for _ in range(count):
            board.turn_seconds.labels("africastalking").observe(seconds)
    board.action("loans.apply", "late", 5.0)
    assert await Recorder(board, pool, None, "test").flush()  # type: ignore[arg-type]
    async with pool.acquire() as connection:
        found = await server.service(connection, Period(since=TODAY, until=TODAY), "day")
    turn, action = sorted(found.times, key=lambda row: row.what, reverse=True)
    assert (turn.what, turn.count, turn.p50_ms, turn.p95_ms, turn.p99_ms) == ("turn", 100, 0.5, 5.0, None)
    assert turn.mean_ms == round((60 * 0.0004 + 38 * 0.004 + 40) / 100 * 1000, 3)
    assert (action.name, action.p50_ms) == ("loans.apply", 5000.0)
    [errors] = found.errors
    assert (errors.turns, errors.busy, errors.faults) == (100, 1, {"late": 2})
    assert errors.failed_actions == {"loans.apply:late": 1}
    assert errors.fault_rate == 0.03


async def test_a_figure_of_nothing_is_nothing(pool: Any) -> None:
    async with pool.acquire() as connection:
        assert await rollup.catch_up(connection)
        assert (await dialogs.conversion(connection, EVERYTHING)).total.applied_per_dial is None
        assert (await lending.portfolio(connection, EVERYTHING, TODAY)).now == []
        assert (await lending.vintages(connection, TODAY, TODAY, TODAY)).months == []
        assert (await lending.defaults(connection, TODAY, TODAY)).rate is None
        assert (await collecting.collections(connection, EVERYTHING, TODAY)).today.kept is None
        assert (await collecting.costs(connection, EVERYTHING)).total.per_loan_cents is None
        assert (await lending.active(connection, TODAY)).within_90 == 0


def test_a_period_is_of_whole_days_in_nairobi_and_bounded() -> None:
    day = Period(since=date(2026, 11, 23), until=date(2026, 11, 23))
    assert day.begins == datetime(2026, 11, 22, 21, tzinfo=UTC)
    assert day.ends - day.begins == DAY
    for since, until in ((TODAY, TODAY - DAY), (TODAY - timedelta(days=MOST_DAYS), TODAY)):
        with pytest.raises(ValueError, match=r"until is before|at most"):
            Period(since=since, until=until)
