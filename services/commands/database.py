"""A command's way to the database: one connection, and what goes wrong said in a sentence."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from services.loans import approvals
from services.monitoring.shared import brought
from services.published import NotPublishedError
from ussd_engine.errors import UssdError
from ussd_engine.observe.logs import show_of_numbers
from ussd_engine.pool import connect
from ussd_engine.settings import settings

Result = TypeVar("Result")


def once(work: Callable[[Any], Awaitable[Result]]) -> Result:
    """Do the work with a connection to DATABASE_URL. Raises UssdError for a fault of the user's."""
    chosen = settings()
    chosen.require_safe()
    show_of_numbers(chosen.mask_first, chosen.mask_last)
    with brought(chosen.redis_url):
        return asyncio.run(_once(chosen.database_url, work))


async def _once(database_url: str, work: Callable[[Any], Awaitable[Result]]) -> Result:
    connection = await connect(database_url)
    try:
        return await work(connection)
    except (approvals.ApprovalError, NotPublishedError) as error:
        raise UssdError(str(error)) from None
    except asyncpg.UndefinedTableError:
        raise UssdError("The database lacks tables of the lender. Run: ussd migrate") from None
    finally:
        await connection.close()


def decide(kinds: tuple[str, ...], number: int, who: str, note: str, *, reject: bool) -> str:
    """Decide what somebody else proposed, one of these kinds. Gives what to say."""

    async def work(connection: Any) -> str:
        async with connection.transaction():
            kind = await connection.fetchval("select kind from approval where id = $1", number)
            if kind not in kinds:
                raise UssdError(f"There is no proposal {number} to decide here.")
            do = approvals.reject if reject else approvals.approve
            done = await do(connection, number, who, note)
        word = "rejected" if reject else "approved"
        return f"Number {number} is {word}." if done else f"You have {word} number {number} before."

    return once(work)
