"""What staff decide is done by real workers: menus are published, messages go to many, a profile that is
stale is forgotten."""

from typing import Any

import pytest
import redis.asyncio

from services import documents, menu_changes
from services.borrowers import resetting
from services.loans import approvals
from services.sms import bulk, texts
from services.sms.bulk import Chosen, Message
from tests.services.lending import TODAY, in_transaction
from tests.services.world import FOLDER
from tests.tasks.conftest import Yard

SOURCES = {path.name: path.read_text() for path in FOLDER.glob("*.yaml")}
NEWER = {**SOURCES, "main.yaml": SOURCES["main.yaml"] + "\n# newer\n"}
WORDS = {"en": "Hello {name|first}", "sw": "Habari {name|first}"}


async def approved(yard: Yard, proposed: int) -> None:
    assert await in_transaction(yard.pool, approvals.approve, proposed, "baraka")


@pytest.mark.timeout(120)
async def test_what_two_people_decided_is_done_by_the_workers(yard: Yard) -> None:
    said, _ = texts.read(SOURCES, documents.menus(SOURCES))
    assert said is not None
    borrower_id = await yard.pool.fetchval("select id from borrower where msisdn = $1", yard.phone.msisdn)
    profile = f"ussd:{{{yard.phone.msisdn}}}:profile:umoja"
    async with redis.asyncio.Redis.from_url(yard.redis_url) as kept:
        await kept.set(profile, b"{}")
        menus = await in_transaction(yard.pool, menu_changes.propose, "umoja", NEWER, "akinyi", "newer words")
        await approved(yard, menus.approval_id)
        await approved(
            yard, await in_transaction(yard.pool, resetting.propose, borrower_id, "akinyi", "forgot it")
        )
        message = Message("service", Chosen(), WORDS)
        number, planned, _ = await in_transaction(yard.pool, bulk.ask, said, message, "akinyi", "news", TODAY)
        await yard.relay()
        await yard.worker()

        async def done() -> Any:
            wanted = "select count(*) = 0 from outbox where done_at is null and topic <> 'sms.send'"
            return await yard.pool.fetchval(wanted)

        await yard.until(done)
        assert await kept.get(profile) is None
        assert await kept.hget("ussd:live", "umoja") == menus.bundle.encode()
    assert await yard.pool.fetchval("select state from menu_change") == "published"
    assert await yard.pool.fetchval("select state from bulk_message") == "sent"
    asked = await yard.pool.fetchval("select count(*) from sms where bulk_id = $1", number)
    assert asked == planned.recipients > 0
