"""One town for all tests of kills: its processes are started once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.sandbox import core, credential, server
from services.sandbox.journal import Journal
from services.sandbox.server import Running
from services.sandbox.settings import Behaviour, SandboxSettings
from tests.faults import town as towns
from tests.faults.town import Town

QUICK = Behaviour(work_s=0.05, callback_s=0.02, stk_answer_s=0.05, stk_repeat_s=0)


@pytest_asyncio.fixture(scope="module")
async def town(
    tmp_path_factory: pytest.TempPathFactory, sandbox_keys: credential.Keys
) -> AsyncIterator[Town]:
    box = core.make(SandboxSettings(behaviour=QUICK), sandbox_keys, Journal(None))
    async with (
        server.listening(box) as url,
        towns.opened(tmp_path_factory.mktemp("town"), Running(box, url)) as made,
    ):
        yield made
    assert box.world.wallets.faults() == []
    assert box.agenda.failures == []
