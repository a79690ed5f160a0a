"""What is held about somebody: all of it, for themselves, as the Data Protection Act asks.

The export is every row that the catalogue leads to (services/privacy/catalogue.py), table by table, in one
snapshot. Secrets are left out; bytes are written as hexadecimal, or as text where they are JSON.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import orjson

from services import clock
from services.privacy import catalogue, queries
from services.privacy.catalogue import OTHERWISE, PERSON, Link, Plan
from services.privacy.forgetting import digest_of
from ussd_engine.errors import UssdError

MOST_ROWS = 200_000  # of one table: more than any one person has by far

FIND = """
select id
from borrower
where msisdn = $1
"""


class TooMuchError(UssdError):
    """A table holds more rows about one person than an export takes."""


async def find(connection: Any, msisdn: str) -> int | None:
    """The borrower of that number."""
    number: int | None = await connection.fetchval(FIND, msisdn)
    return number


async def export(connection: Any, borrower_id: int, secret: str, who: str) -> dict[str, Any]:
    """Everything held about a borrower; and that it was asked for is kept. Inside no transaction."""
    async with connection.transaction(isolation="repeatable_read"):
        msisdn = await connection.fetchval("select msisdn from borrower where id = $1", borrower_id)
        plan = await catalogue.plan(connection)
        found = await _rows(connection, plan, borrower_id, msisdn, secret)
        rows = sum(len(each) for each in found.values())
        await connection.execute(queries.KEEP_REQUEST, borrower_id, "export", who, f"{rows} rows")
    return {
        "made_at": clock.now().isoformat(),
        "about": msisdn,
        "tables": {table: found[table] for table in sorted(found) if found[table]},
        "empty": sorted(plan.tables - {table for table in found if found[table]}),
        "left_out": "PINs and tokens, which are kept as hashes only",
    }


async def _rows(
    connection: Any, plan: Plan, borrower_id: int, msisdn: str, secret: str
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, dict[str, Any]] = {}
    await _take(connection, plan, found, PERSON, "t.id = $1", borrower_id)
    for table, column in plan.own:
        value = borrower_id if column == catalogue.BY_ID else msisdn
        await _take(connection, plan, found, table, f't."{column}" = $1', value)
    known = borrower_id, msisdn, digest_of(msisdn, secret), hashlib.sha256(msisdn.encode()).hexdigest()
    for table, condition in OTHERWISE.items():
        if table in plan.columns:
            await _take(connection, plan, found, table, *_numbered(condition, known))
    await _follow(connection, plan, found)
    return {table: [_plain(row) for row in rows.values()] for table, rows in found.items()}


async def _follow(connection: Any, plan: Plan, found: dict[str, dict[str, Any]]) -> None:
    """Take what refers to what was found, until nothing new is."""
    asked: dict[Link, set[Any]] = {link: set() for link in plan.links}
    while True:
        before = sum(len(rows) for rows in found.values())
        for link in plan.links:
            values = {row[link.parent_column] for row in found.get(link.parent, {}).values()}
            new = values - asked[link] - {None}
            asked[link] |= new
            if new:
                where = f't."{link.child_column}" = any($1)'
                await _take(connection, plan, found, link.child, where, list(new))
        if sum(len(rows) for rows in found.values()) == before:
            return


async def _take(
    connection: Any,
    plan: Plan,
    found: dict[str, dict[str, Any]],
    table: str,
    condition: str,
    *arguments: Any,
) -> None:
    """Add the rows of a table, each once. Names of tables and columns are the catalogue's, values are
    arguments."""
    columns = ", ".join(f't."{column}"' for column in plan.columns[table])
    statement = f'select t.ctid::text as place_, {columns} from "{table}" as t'  # noqa: S608
    rows = await connection.fetch(f"{statement} where {condition} limit {MOST_ROWS + 1}", *arguments)
    if len(rows) > MOST_ROWS:
        raise TooMuchError(f"{table}: {TooMuchError.__doc__}")
    kept = found.setdefault(table, {})
    for row in rows:
        kept[row["place_"]] = row


def _numbered(condition: str, known: tuple[Any, ...]) -> tuple[Any, ...]:
    """The condition with only the arguments it names, as text: PostgreSQL refuses one that is not used."""
    named = [index for index in range(len(known)) if f"${index + 1}" in condition]
    for place, index in enumerate(named):
        condition = condition.replace(f"${index + 1}", f"${place + 1}::text")
    return condition, *(str(known[index]) for index in named)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items() if name != "place_"}


def _value(value: Any) -> Any:
    """As JSON has it. What is JSON already is told as it is, not as a text with quotes in it."""
    if isinstance(value, bytes) or (isinstance(value, str) and value[:1] in "{["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value.hex() if isinstance(value, bytes) else value
    if isinstance(value, list | tuple):
        return [_value(each) for each in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
