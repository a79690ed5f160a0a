"""Staff who borrow. What concerns somebody's own loans is for a colleague: the table `staff_number` says
which phone numbers are whose, and the database refuses that somebody decides about themselves too.
"""

from typing import Any

from services.loans.approvals import ApprovalError

IS_OWN = """
select exists (
    select 1
    from staff_number
    join borrower on borrower.msisdn = staff_number.msisdn
    where staff_number.who = $1
    and borrower.id = $2
)
"""

FORGET = """
delete from staff_number
where who = $1
"""

KEEP = """
insert into staff_number (who, msisdn)
select $1, unnest($2::text[])
"""

NUMBERS = """
select array(
    select msisdn
    from staff_number
    where who = $1
    order by msisdn
)
"""


class OwnError(ApprovalError):
    """This is about yourself. Ask a colleague."""


async def refuse(connection: Any, who: str, borrower_id: int | None) -> None:
    """Raise OwnError when that borrower is `who` themselves."""
    if await connection.fetchval(IS_OWN, who, borrower_id):
        raise OwnError(OwnError.__doc__)


async def numbers(connection: Any, who: str) -> list[str]:
    """The numbers that are theirs."""
    found: list[str] = await connection.fetchval(NUMBERS, who)
    return found


async def keep(connection: Any, who: str, msisdns: list[str]) -> None:
    """These numbers are theirs, and no others, inside the caller's transaction."""
    await connection.execute(FORGET, who)
    await connection.execute(KEEP, who, sorted(set(msisdns)))
