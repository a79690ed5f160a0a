"""Jobs about menus: publishing what two people decided, and telling Redis that what it knows of somebody is
stale. Both are quick, and somebody waits for them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from celery import shared_task

from services import menu_changes
from services.published import SERVICE
from services.tasks.running import Tools, consume
from ussd_engine.bundles import Bundles
from ussd_engine.observe.board import Board
from ussd_engine.plugin import FileProblem, PlainService
from ussd_engine.redis_clients import client

MSISDN = """
select msisdn
from borrower
where id = $1
"""


class _Reader(PlainService):
    """The lender as far as its files go: here nothing of it is started, for nobody dials a worker."""

    def load(self, sources: Mapping[str, str]) -> tuple[Any, list[FileProblem]]:
        """As the lender reads them."""
        from services.app import service  # noqa: PLC0415 - with all that a server loads

        return service.load(sources)


def _reader() -> _Reader:
    from services.app import service  # noqa: PLC0415 - as above

    return _Reader(service.registry)


@shared_task(name="services.tasks.menus.publish")  # type: ignore[untyped-decorator]
def publish(row: int, change_id: int) -> None:
    """Publish menus."""

    async def work(tools: Tools) -> datetime | None:
        plugins = {SERVICE: _reader()}
        bundles = await Bundles.open(tools.settings, Board(), follow=False, plugins=plugins)
        try:
            await menu_changes.publish(tools.pool, bundles, change_id)
        finally:
            await bundles.close()
        return None

    consume(row, work)


@shared_task(name="services.tasks.menus.forget_profile")  # type: ignore[untyped-decorator]
def forget_profile(row: int, borrower_id: int) -> None:
    """Have menus ask for a borrower's profile again."""

    async def work(tools: Tools) -> datetime | None:
        msisdn = await tools.pool.fetchval(MSISDN, borrower_id)
        redis = client(tools.settings.redis_url)
        try:
            await redis.delete(f"ussd:{{{msisdn}}}:profile:{SERVICE}")
        finally:
            await redis.aclose()
        return None

    consume(row, work)
