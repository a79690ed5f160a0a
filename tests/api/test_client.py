"""The client against the real server, and against a network that loses answers."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from services.api import make_client
from services.api.operation import BASE
from services.api.permissions import Permission
from services.client import (
    Client,
    ClientError,
    NotAllowed,
    NotThere,
    NotValid,
    Refused,
    Unknown,
    Unreachable,
    models,
)
from services.client import caller as calling
from services.client.errors import refusal
from tests.api.conftest import PASSWORD, Api
from tests.api.lending import applied, fund, joined

EMAIL = "njeri@example.org"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "FIRST_PAUSE_S", 0.01)


class Network(httpx.AsyncBaseTransport):
    """The way to the server. `lose` says which requests' answers get lost, after they were done."""

    def __init__(self, lose: Callable[[httpx.Request, int], bool] = lambda _request, _number: False) -> None:
        self._way = httpx.AsyncHTTPTransport()
        self._lose = lose
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        response = await self._way.handle_async_request(request)
        if self._lose(request, len(self.asked)):
            await response.aclose()
            raise httpx.ReadError("the line is cut", request=request)
        return response

    async def aclose(self) -> None:
        await self._way.aclose()


@pytest_asyncio.fixture
async def person(api: Api) -> AsyncIterator[Client]:
    """An officer, with a password."""
    await api.person(EMAIL, "officer")
    async with Client(api.url) as client:
        await client.log_in(EMAIL, PASSWORD)
        yield client


def test_what_is_generated_is_what_the_table_says_now(repository: Path) -> None:
    folder = repository / "services/client/generated"
    there = {path.name: path.read_text() for path in folder.glob("*.py")}
    made = make_client.files()
    differs = sorted(name for name in there.keys() | made.keys() if there.get(name) != made.get(name))
    assert differs == [], "run: python -m services.api.make_client"


def test_the_client_needs_nothing_of_the_server(repository: Path) -> None:
    for path in (repository / "services/client").rglob("*.py"):
        imported = re.findall(r"^(?:from|import) (services[\w.]*|ussd_engine[\w.]*)", path.read_text(), re.M)
        assert [name for name in imported if not name.startswith("services.client")] == [], path


async def test_models_come_back_typed(api: Api, person: Client) -> None:
    await fund(api)
    phone, borrower_id = await joined(api)
    quote = await person.quote_loan(borrower_id=borrower_id, amount_cents=500_000, purpose="business")
    assert quote.price is not None
    done = await person.apply_for_loan(
        models.NewLoan(
            borrower_id=borrower_id,
            amount_cents=500_000,
            purpose="business",
            total_cents=quote.price.total_cents,
        )
    )
    assert done.outcome == "ok"
    assert done.ref is not None
    await phone.money_arrives(done.ref)
    page = await person.get_loan(done.ref)
    assert isinstance(page, models.LoanPage)
    assert (await person.me()).role == "officer"


async def test_every_row_of_a_list_page_after_page(api: Api, person: Client) -> None:
    for _ in range(5):
        await joined(api)
    network = Network()
    async with httpx.AsyncClient(transport=network) as http:
        machine = await api.key(Permission.BORROWERS_READ)
        async with Client(api.url, key=machine.headers["X-API-Key"], http=http) as client:
            ids = [row.id async for row in client.each_of_users(limit=2)]
            assert len(ids) == len(set(ids)) == 5
            assert len(network.asked) == 3
            written = b"".join([chunk async for chunk in client.export_users(format="csv")])
            assert written.count(b"\n") == 6
            assert [row.id async for row in client.each_of_users(q="nobody is called so")] == []
            with pytest.raises(NotAllowed):
                _ = [chunk async for chunk in client.export_loans()]


async def test_problems_are_exceptions(api: Api, person: Client) -> None:
    with pytest.raises(NotThere) as missing:
        await person.get_loan("NOSUCH")
    assert (missing.value.status, missing.value.type) == (404, "/problems/not-found")
    assert missing.value.request_id
    with pytest.raises(NotAllowed):
        await person.list_staff()
    with pytest.raises(NotValid) as wrong:
        await person.list_users(limit=0)
    assert [fault["where"] for fault in wrong.value.errors] == ["query.limit"]
    async with Client(api.url) as nobody:
        with pytest.raises(Unknown):
            await nobody.me()
        with pytest.raises(Unknown):
            await nobody.log_in(EMAIL, "not the password")


async def test_tokens_are_refreshed_as_they_end_once_for_all_who_ask(api: Api, person: Client) -> None:
    await api.pool.execute(
        "update staff_token set expires_at = now() - interval '1 second' where kind = 'access'"
    )
    network = Network()
    async with httpx.AsyncClient(transport=network) as http:
        person._http = http
        found = await asyncio.gather(*(person.me() for _ in range(8)))
    assert {one.email for one in found} == {EMAIL}
    assert sum(request.url.path.endswith("/auth/refresh") for request in network.asked) == 1


async def test_a_login_that_is_over_is_said(api: Api, person: Client) -> None:
    await person.logout()
    with pytest.raises(Unknown):
        await person.me()


async def test_a_change_whose_answer_got_lost_happens_once(api: Api) -> None:
    await fund(api)
    _, borrower_id = await joined(api)
    await applied(api, borrower_id)
    network = Network(lambda request, number: request.method == "PUT" or number <= 2)
    async with httpx.AsyncClient(transport=network) as http:
        machine = await api.key(Permission.MESSAGES_SEND, Permission.LOANS_APPLY)
        async with Client(api.url, key=machine.headers["X-API-Key"], http=http) as client:
            done = await client.set_language(borrower_id, models.NewLanguage(language="sw"))
    assert done.language == "sw"
    keys = {request.headers["Idempotency-Key"] for request in network.asked}
    assert (len(network.asked), len(keys)) == (3, 1)
    assert len(await api.audit("set_language")) == 1


async def test_what_takes_no_key_is_not_asked_twice(api: Api) -> None:
    network = Network(lambda *_: True)
    async with httpx.AsyncClient(transport=network) as http, Client(api.url, http=http) as client:
        with pytest.raises(Unreachable):
            await client.log_in(EMAIL, PASSWORD)
        assert len(network.asked) == 1
        with pytest.raises(Unreachable):
            await client.me()
        assert len(network.asked) == 1 + calling.TRIES


def refused(status: int, name: str, after_s: float | None = None) -> Refused:
    return refusal(status, {"type": f"/problems/{name}", "detail": name}, after_s)


@pytest.mark.parametrize(
    ("error", "waits_s"),
    [
        (Unreachable("no answer"), 0.01),
        (refused(409, "in-progress", 1.0), 1.0),
        (refused(503, "away", 2.0), 2.0),
        (refused(502, ""), 0.01),
        (refused(429, "too-many", 6.0), 6.0),
        (refused(429, "too-many", 3600.0), None),  # longer than the caller's patience
        (refused(409, "conflict"), None),
        (refused(422, "key-reused"), None),
        (refused(500, "broken"), None),
        (refused(404, "not-found"), None),
    ],
)
def test_what_is_asked_again_and_after_how_long(error: ClientError, waits_s: float | None) -> None:
    pause_s = Client("http://nowhere")._pause_s(error, 1)
    if waits_s is None:
        assert pause_s is None
    else:
        assert pause_s is not None
        assert waits_s * 0.5 <= pause_s <= waits_s * 1.5


def test_paths_and_queries_are_written_safely() -> None:
    assert calling.in_path("a/b?c=é") == "a%2Fb%3Fc%3D%C3%A9"
    query = calling._in_query({"a": None, "b": True, "c": [1, None, 2], "d": "x y"})
    assert str(query) == "b=true&c=1&c=2&d=x+y"
    assert BASE == calling.BASE
