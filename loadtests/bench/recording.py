"""What one loan application asks of PostgreSQL, recorded from the engine and the lender's own code, and the
same statements as a script for pgbench.

Two borrowers apply, in this process, with a pool that writes down every statement, its values and its rows.
What is the same for both is a constant of the script. What differs is the borrower's number, or came out of
an earlier statement of the same application, or only has to be unique.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from loadtests.bench import borrowers
from loadtests.bench.borrowers import SERVICE_CODE
from services import actions
from ussd_engine.engine import open_engine
from ussd_engine.errors import UssdError
from ussd_engine.observe import Board
from ussd_engine.settings import Settings
from ussd_engine.turn import Family, Turn


@dataclass(slots=True)
class Statement:
    """One statement, or `begin` or `commit`, with its values and the rows it gave."""

    sql: str
    values: tuple[Any, ...] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class Script:
    """A pgbench script. constants: what it is told with -D. It counts borrowers up from `first`."""

    text: str
    constants: dict[str, str]
    statements: int
    transactions: int


async def record(environment: dict[str, str], numbers: Sequence[int]) -> list[list[Statement]]:
    """The statements of those borrowers' applications, one after the other."""
    settings = Settings.model_validate(
        {
            "env": "production",
            "USSD_SECRET": environment["USSD_SECRET"],
            "menus_dir": environment["MENUS_DIR"],
            "redis_url": environment["REDIS_URL"],
            "database_url": environment["DATABASE_URL"],
        }
    )
    engine = await open_engine(settings, Board(), publish=False)
    try:
        pool = _Pool(actions.lender.pool)
        actions.lender.pool = pool
        return [await _application(engine, pool, number) for number in numbers]
    finally:
        await engine.close()


async def _application(engine: Any, pool: "_Pool", number: int) -> list[Statement]:
    pool.seen = []
    typed: list[str] = []
    for turn in borrowers.source("apply"):
        typed += [turn["input"]] if turn["input"] else []
        reply = await engine.handle(
            Turn(
                gateway="africastalking",
                session_id=f"ATUid_apply{number:08d}",
                msisdn=borrowers.msisdn(number),
                service_code=SERVICE_CODE,
                network="63902",
                text="*".join(typed),
                family=Family.CUMULATIVE,
            )
        )
        said = f"{'CON' if reply.more else 'END'} {reply.text}"
        if re.fullmatch(borrowers.pattern(turn["screen"]), said) is None:
            raise UssdError(f"after {turn['input']!r}: wanted {turn['screen']!r}, got {said!r}")
    return pool.seen


class _Pool:
    """The lender's pool, writing down what goes through it."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.seen: list[Statement] = []

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["_Connection"]:
        async with self._pool.acquire() as connection:
            yield _Connection(connection, self.seen)


class _Connection:
    """A connection with the methods the lender uses; another would be an AttributeError, and noticed."""

    def __init__(self, connection: Any, seen: list[Statement]) -> None:
        self._connection = connection
        self._seen = seen
        self._depth = 0

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        rows = await self._connection.fetch(sql, *values)
        self._seen.append(Statement(sql, values, [dict(row) for row in rows]))
        found: list[Any] = rows
        return found

    async def fetchrow(self, sql: str, *values: Any) -> Any:
        rows = await self.fetch(sql, *values)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *values: Any) -> Any:
        row = await self.fetchrow(sql, *values)
        return None if row is None else row[0]

    async def execute(self, sql: str, *values: Any) -> None:
        await self.fetch(sql, *values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self._depth += 1
        self._seen.append(Statement("begin" if self._depth == 1 else f"savepoint s{self._depth}"))
        async with self._connection.transaction():
            yield
        self._seen.append(Statement("commit" if self._depth == 1 else f"release savepoint s{self._depth}"))
        self._depth -= 1


# -- the script --------------------------------------------------------------------------------------

HEAD = """\\set turn :turn + 1
\\set number :first + :client_id + :turn * :clients
\\set msisdn {msisdn_base} + :number
"""


def script(one: list[Statement], two: list[Statement], numbers: tuple[int, int]) -> Script:
    """The pgbench script of what both recordings have in common. Raises UssdError when they differ."""
    if [statement.sql for statement in one] != [statement.sql for statement in two]:
        raise UssdError("Two borrowers who did the same asked PostgreSQL for different things.")
    writer = _Writer(one, two, numbers)
    bodies = [writer.statement(place) for place in range(len(one))]
    lines = [HEAD.format(msisdn_base=int(borrowers.msisdn(0)))]
    for place, body in enumerate(bodies):
        lines.append(f"{body} \\gset s{place}_\n" if place in writer.asked else f"{body};\n")
    begins = sum(1 for statement in one if statement.sql == "begin")
    inside = _inside(one)
    return Script("".join(lines), writer.constants, len(one), begins + inside.count(False))


def _inside(statements: list[Statement]) -> list[bool]:
    """For each statement but begin and commit, whether it is in a transaction."""
    found, inside = [], False
    for statement in statements:
        if statement.sql in ("begin", "commit"):
            inside = statement.sql == "begin"
        else:
            found.append(inside)
    return found


class _Writer:
    """Finds for each value of a statement where pgbench is to take it from."""

    def __init__(self, one: list[Statement], two: list[Statement], numbers: tuple[int, int]) -> None:
        self._one, self._two = one, two
        self._msisdns = tuple(borrowers.msisdn(number) for number in numbers)
        self.constants: dict[str, str] = {}
        self.asked: set[int] = set()  # the statements whose rows later ones need

    def statement(self, place: int) -> str:
        """The statement at that place with pgbench's variables in it."""
        one, two = self._one[place], self._two[place]
        pairs = list(zip(one.values, two.values, strict=True))
        sources = [self._source(place, index, *pair) for index, pair in enumerate(pairs)]
        return re.sub(r"\$(\d+)", lambda found: sources[int(found[1]) - 1], one.sql.strip())

    def _source(self, place: int, index: int, one: Any, two: Any) -> str:
        if one is None and two is None:
            return "null"
        if one != two:
            if (one, two) == self._msisdns:
                return ":msisdn"
            earlier = self._earlier(place, one, two)
            if earlier is not None:
                return earlier
            if isinstance(one, str) and not one.startswith("{"):
                return ":number"  # a key: any that is nobody else's
            if not isinstance(one, str | bytes | datetime):
                raise UssdError(
                    f"Where does {one!r} come from, value {index + 1} of this statement?"
                    f"\n{self._one[place].sql}"
                )
        name = f"c{place}_{index}"
        self.constants[name] = _text(one)
        return f":{name}"

    def _earlier(self, place: int, one: Any, two: Any) -> str | None:
        """The column of an earlier row that held just this, both times."""
        for before in range(place):
            rows, others = self._one[before].rows, self._two[before].rows
            if len(rows) != 1 or len(others) != 1:
                continue
            for column, value in rows[0].items():
                if (value, others[0][column]) == (one, two):
                    self.asked.add(before)
                    return f":s{before}_{column}"
        return None


def _text(value: Any) -> str:
    """A value as PostgreSQL reads it in text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "{" + ",".join(_element(each) for each in value) + "}"
    return str(value)


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    escaped = _text(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def write(script: Script, folder: Path) -> Path:
    """The script as a file."""
    path = folder / "application.sql"
    path.write_text(script.text, encoding="utf-8")
    return path
