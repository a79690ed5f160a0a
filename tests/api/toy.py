"""A room of operations that exist for tests only: every shape of parameter, and handlers that go wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import asyncpg
import httpx
from aiohttp import web
from pydantic import BaseModel, Field

from services.api.calls import Change, Read, Stream
from services.api.dispatch import handler_of
from services.api.operation import BASE, Limit, Routes
from services.api.permissions import Permission
from services.api.problems import CONFLICT
from services.loans.approvals import AlreadyDecidedError, SamePersonError
from tests.api.conftest import Api
from ussd_engine.errors import StoreError

routes = Routes("Toys")
READ, CHANGE = Permission.LOANS_READ, Permission.LOANS_PROPOSE


class Colour(StrEnum):
    RED = "red"


class Filter(BaseModel):
    most: Annotated[int, Field(ge=1, le=9)] = 5
    since: date | None = None
    at: datetime | None = None
    open: bool | None = None
    colour: Colour | None = None
    words: list[str] = []
    numbers: list[int] = []
    share: float | None = None
    price: Decimal | None = None


class Part(BaseModel):
    name: str


class Thing(BaseModel):
    amount_cents: int
    note: Annotated[str, Field(max_length=100)] = ""
    parts: list[Part] = []
    rate: float | None = None


class Out(BaseModel):
    said: str


class Counted(BaseModel):
    times: int


def said(value: Any) -> Out:
    return Out(said=repr(value))


@routes.get("/toys/{number}/{name}/{day}", may=READ)
async def path(call: Read, number: int, name: str, day: date) -> Out:
    return said((number, name, day))


@routes.get("/toys", may=READ)
async def query(call: Read, query: Filter) -> Out:
    return said(query.model_dump(exclude_unset=True))


@routes.post("/toys", may=CHANGE)
async def body(call: Change, body: Thing) -> Out:
    await call.connection.execute(
        "insert into toy (amount, note) values ($1, $2)", body.amount_cents, body.note
    )
    return said(body.model_dump(exclude_unset=True))


@routes.post("/toys/nothing", may=CHANGE)
async def nothing(call: Change) -> None:
    call.headers.append(("X-Toy", "yes"))


ERRORS: dict[str, Exception] = {
    "ours": ValueError("a fault of ours, with 254711000001"),
    "same": SamePersonError("Somebody else must."),
    "decided": AlreadyDecidedError("It is decided."),
    "redis": StoreError("Redis is away."),
    "postgresql": ConnectionRefusedError("no"),
    "late": TimeoutError(),
    "closed": asyncpg.InterfaceError("connection is closed"),
    "cut": asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    "problem": CONFLICT.of("Not now.", headers={"X-Toy": "yes"}),
}


@routes.post("/toys/wrong/{how}", may=CHANGE)
async def wrong(call: Change, how: str) -> None:
    await call.connection.execute("insert into toy (amount, note) values (1, $1)", how)
    raise ERRORS[how]


@routes.post("/toys/sql/{how}", may=CHANGE)
async def sql(call: Change, how: str) -> None:
    if how == "check":
        await call.connection.execute("insert into toy (amount, note) values (-1, '')")
    elif how == "large":
        await call.connection.execute("select $1::bigint", 2**70)
    else:
        await call.connection.execute("select $1::text", "\x00")


RUNS: list[int] = []


@routes.post("/toys/deadlock/{times}", may=CHANGE)
async def deadlock(call: Change, times: int) -> Counted:
    RUNS.append(times)
    await call.connection.execute("insert into toy (amount, note) values (1, 'deadlock')")
    call.audit("toy:1", {"a": 1, "b": 2}, {"a": 1, "b": 3})
    if len(RUNS) <= times:
        await call.connection.execute("do $$ begin raise exception 'x' using errcode = '40P01'; end $$")
    return Counted(times=len(RUNS))


class Gate:
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go = asyncio.Event()


GATES: dict[str, Gate] = {}


@routes.post("/toys/gate/{name}", may=CHANGE)
async def gate(call: Change, name: str, body: Thing) -> Counted:
    GATES[name].entered.set()
    await GATES[name].go.wait()
    await call.connection.execute(
        "insert into toy (amount, note) values ($1, $2)", body.amount_cents, call.key
    )
    return Counted(times=await call.connection.fetchval("select count(*) from toy"))


@routes.get("/toys/export/{rows}", may=READ, limit=Limit.EXPORT, streams=("text/csv",))
async def export(call: Read, rows: int) -> Stream:
    async def chunks() -> AsyncIterator[bytes]:
        for row in range(rows):
            yield b"%d\n" % row
        if rows % 2:
            raise RuntimeError("in the middle")

    return Stream("text/csv", 'toys "of" 2026.csv', chunks())


@asynccontextmanager
async def served(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """An officer, at a server of these operations with the desk of the real one."""
    await api.pool.execute("create table toy (amount bigint check (amount > 0), note text)")
    RUNS.clear()
    app = web.Application()
    app.add_routes([
        web.RouteDef(operation.method, operation.url, handler_of(lambda: api.desk, operation), {})
        for operation in routes.operations
    ])  # fmt: skip
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}{BASE}"
    authorization = api.as_("officer").headers["Authorization"]
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": authorization}, verify=False, timeout=30
    ) as client:
        yield client
    await runner.cleanup()
