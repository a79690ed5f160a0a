"""The run that is made each time. Longer ones: `python -m tests.simulation`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import outbox
from services.loans import lifecycle
from services.sandbox import credential
from services.tasks.topics import TASKS
from tests import databases
from tests.simulation import events, invariants, luck, world
from tests.simulation.world import World
from ussd_engine.embedded import Servers

EVENTS, BORROWERS, SEED = 5_000, 200, 5
# What such a run comes through at the least, or it would show little.
ALERTS = {
    "payout_success_after_end", "payout_failure_after_success", "payout_refused", "payouts_paused",
    "payout_needs_a_person", "callback_ignored", "callback_makes_no_sense", "callback_with_a_wrong_token",
}  # fmt: skip


async def run(made: World, number: int, every: int) -> None:
    try:
        await events.live(made, number, invariants.check, every)
        await events.come_to_rest(made)
        await invariants.check_at_rest(made)
    except BaseException:
        print(await made.story())
        raise


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_after_5000_events_m_pesas_wallets_are_our_books_and_nobody_was_paid_twice_or_not_at_all(
    pg_url: str, redis_url: str, tmp_path: Path, sandbox_keys: credential.Keys
) -> None:
    async with world.opened(SEED, BORROWERS, pg_url, redis_url, tmp_path, sandbox_keys) as made:
        await run(made, EVENTS, 500)
        await assert_it_went_everywhere(made)


async def assert_it_went_everywhere(made: World) -> None:
    """Every state, every fault, every crash: else what held would say little."""

    async def column(query: str) -> set[str]:
        return {row[0] for row in await made.pool.fetch(query)}

    assert await column("select to_state from loan_event") == set(lifecycle.STATES) - {"applied", "cancelled"}
    assert await column("select to_state from payout_event") >= {
        "submitting", "submitted", "unknown", "posted", "voided", "failed", "ready",
    }  # fmt: skip
    assert await column("select topic from outbox") == set(TASKS) - {outbox.SMS_CALLBACK, *world.OF_OTHERS}
    crashes = {name for name in luck.CRASHES if made.seen[f"killed at {name}"]}
    assert crashes == set(luck.CRASHES)
    assert made.alerts.keys() >= ALERTS
    assert made.struck == {(fault["do"], fault["on"]) for fault in luck.FAULTS}


@pytest.fixture
def another_pg_url(servers: Servers, migrated_template: str) -> Iterator[str]:
    with databases.copy(servers, migrated_template) as url:
        yield url


async def test_one_seed_is_one_run(
    pg_url: str, another_pg_url: str, redis_url: str, tmp_path: Path, sandbox_keys: credential.Keys
) -> None:
    told = []
    for url in (pg_url, another_pg_url):
        async with world.opened(7, 12, url, redis_url, tmp_path, sandbox_keys) as made:
            await made.daraja.redis.flushdb()
            await run(made, 250, 250)
            told.append((made.said, await made.balances(), Counter(made.alerts)))
    for first, second in zip(*[each[0] for each in told], strict=True):
        assert first == second
    assert told[0] == told[1]
