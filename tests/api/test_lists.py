"""Every list, filter and sort against what Python makes of the whole tables; walks; searches; exports."""

import asyncio
import base64
import dataclasses
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from pydantic import BaseModel

from services.api.calls import Identity, Read
from services.api.desk import Desk
from services.api.lists.listing import Listing
from services.api.lists.pages import asked, page
from services.api.permissions import ROLES, Role
from services.api.problems import Problem
from services.api.reading import query_of
from tests.api import lists_oracle as oracle
from tests.api.lists_oracle import ORACLES
from tests.api.lists_world import COMMON, LISTINGS, OPERATIONS, RARE, ask, sorts_of, walk
from tests.seeding.worlds import seeded_template, seeded_url  # noqa: F401 - fixtures
from ussd_engine.settings import Settings


@pytest_asyncio.fixture(scope="module")
async def call(seeded_url: str) -> AsyncIterator[Read]:  # noqa: F811
    """Somebody who may see everything, with a desk on the seeded lender."""
    async with asyncpg.create_pool(seeded_url, min_size=1, max_size=4) as pool:
        await pool.execute(RARE)
        desk = Desk(Settings(_env_file=None, database_url=seeded_url, env="test"), pool)
        who = Identity("person", 1, "admin@example.org", ROLES[Role.ADMIN], Role.ADMIN)
        yield Read(desk, who, "a-request", "127.0.0.1")


@pytest_asyncio.fixture(scope="module")
async def tables(call: Read) -> dict[str, list[Any]]:
    """All rows of each list."""
    return {name: [dict(row) for row in await call.pool.fetch(held.sql)] for name, held in ORACLES.items()}


@pytest.mark.parametrize("name", ORACLES)
def test_every_filter_and_sort_is_known_to_the_oracle(name: str) -> None:
    query = OPERATIONS[name].query
    assert query is not None
    assert (
        set(query.model_fields) - COMMON == set(LISTINGS[name].filters) == set(ORACLES[name].filters) - {"q"}
    )
    assert {sort.removeprefix("-") for sort in sorts_of(name)} == set(ORACLES[name].sorts)
    items: type[BaseModel] = OPERATIONS[name].answer.model_fields["items"].annotation.__args__[0]  # type: ignore
    exported = {column.field for column in LISTINGS[name].columns}
    assert exported - set(items.model_fields) <= {"legs", "changes"}  # for files, in one cell


@pytest.mark.parametrize("name", ORACLES)
async def test_every_sort_shows_every_row_once(name: str, call: Read, tables: dict[str, list[Any]]) -> None:
    for sort in sorts_of(name):
        asked_for = {"status": ["proposed", "approved", "rejected"]} if name == "approvals" else {}
        expected = ORACLES[name].expected(tables[name], asked_for, sort)
        assert await walk(call, name, sort=sort, limit=200, **asked_for) == expected, sort


@pytest.mark.parametrize("name", ORACLES)
async def test_every_filter_shows_what_fits_and_nothing_else(
    name: str, call: Read, tables: dict[str, list[Any]]
) -> None:
    chance = random.Random(11)
    rows, held = tables[name], ORACLES[name]
    tried: set[str] = set()
    for number in range(max(16, len(held.filters))):
        asked_for = oracle.some_values(name, rows, chance)
        if number < len(held.filters):  # each of them alone at least once
            alone = sorted(set(held.filters) - {"q"})[number % len(set(held.filters) - {"q"})]
            asked_for = {alone: oracle._value(alone, chance.choice(rows), chance)}
        tried |= set(asked_for)
        sort = oracle.allowed(name, asked_for, chance.choice(sorts_of(name)))
        expected = held.expected(rows, asked_for, sort)
        found = await walk(call, name, sort=sort, limit=chance.choice((40, 500)), **asked_for)
        assert found == expected, (asked_for, sort)
    assert tried == set(held.filters) - {"q"}


async def test_several_states_and_products_at_once(call: Read, tables: dict[str, list[Any]]) -> None:
    for asked_for in (
        {"status": ["active", "overdue", "cancelled"]},
        {"status": ["repaid", "applied"], "product": ["umoja14", "karibu30"]},
        {"product": ["umoja14", "nothing"], "days_late_min": 1},
    ):
        for sort in dict.fromkeys(oracle.allowed("loans", asked_for, sort) for sort in sorts_of("loans")):
            expected = ORACLES["loans"].expected(tables["loans"], asked_for, sort)
            assert await walk(call, "loans", sort=sort, limit=23, **asked_for) == expected


@pytest.mark.parametrize(
    ("name", "sort"), [("loans", "-applied"), ("loans", "-due"), ("payouts", "-created")]
)
async def test_an_amount_shows_the_same_however_many_rows_are_few(
    name: str, sort: str, call: Read, tables: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    column = "principal_cents" if name == "loans" else "amount_cents"
    middle = sorted(row[column] for row in tables[name])[len(tables[name]) // 2]
    for asked_for in ({"amount_min_cents": middle}, {"amount_min_cents": middle, "amount_max_cents": middle}):
        expected = ORACLES[name].expected(tables[name], asked_for, sort)
        assert len(expected) > 20
        for few in (0, 20, 10_000):
            monkeypatch.setattr("services.api.lists.pages.FEW", few)
            assert await walk(call, name, sort=sort, limit=15, **asked_for) == expected


@pytest.mark.parametrize("name", ["users", "wallets", "loans"])
async def test_people_are_found_by_what_their_names_begin_with(
    name: str, call: Read, tables: dict[str, list[Any]]
) -> None:
    some = [row["name"] for row in tables[name] if row["name"]][:60:7]
    texts = ["wanj", "WANJIRU", "w", "mwangi kam", "ndung", "Ndũng'u wanj", "kamau  kamau", "zzz", "-"]
    texts += [word[: 2 + place % 4] for place, each in enumerate(some) for word in each.split()[:1]] + some
    for text in texts:
        expected = {row["own"] for row in tables[name] if oracle.named(row, text)}
        for more in (
            {},
            {"joined_from": "2025-12-01"} if name != "loans" else {"status": ["repaid", "active"]},
        ):
            read = {
                key: oracle.date.fromisoformat(value) if isinstance(value, str) else value
                for key, value in more.items()
            }
            fit = set(ORACLES[name].expected(tables[name], read, sorts_of(name)[0]))
            wanted = expected & fit
            found = await walk(call, name, q=text, limit=11, **more)
            assert len(found) == len(set(found)), text
            assert set(found) == wanted, (text, more)


@pytest.mark.parametrize("window", [2, 7])
async def test_a_search_looks_at_a_window_for_a_page_and_goes_on(
    window: int, call: Read, tables: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages may be short, or empty; together they have everybody once."""
    for name in ("users", "wallets", "loans"):
        sorts = LISTINGS[name].sorts
        small = dataclasses.replace(sorts["found"], window=window)
        monkeypatch.setitem(sorts, "found", small)  # type: ignore[arg-type]
        more = {"status": ["repaid"]} if name == "loans" else {"joined_from": "2025-11-01"}
        read = {
            key: value if isinstance(value, list) else oracle.date.fromisoformat(value)
            for key, value in more.items()
        }
        for text in ("wan", "kamau", "m"):
            expected = set(ORACLES[name].expected(tables[name], {**read, "q": text}, sorts_of(name)[0]))
            for limit in (3, 500):
                found = await walk(call, name, q=text, limit=limit, **more)
                assert len(found) == len(set(found))
                assert set(found) == expected
        with pytest.raises(Problem, match="is not for a search by name"):
            await ask(call, name, q="wan", skip=5)


async def test_a_search_counts_exactly_while_there_are_few_of_the_name(
    call: Read, tables: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = len(
        [row for row in tables["loans"] if oracle.named(row, "kamau") and row["state"] == "repaid"]
    )
    answer = await ask(call, "loans", q="kamau", status=["repaid"], total=True)
    assert (answer.total, answer.total_is_exact) == (expected, True)
    monkeypatch.setattr("services.api.lists.pages.EXACT_UP_TO", 3)
    answer = await ask(call, "loans", q="kamau", status=["repaid"], total=True)
    assert answer.total_is_exact is False


async def test_people_and_loans_are_found_by_number_and_reference(
    call: Read, tables: dict[str, list[Any]]
) -> None:
    loan = next(row for row in tables["loans"] if row["state"] == "overdue")
    person = next(row for row in tables["users"] if row["id"] == loan["borrower_id"])
    theirs = {row["own"] for row in tables["loans"] if row["borrower_id"] == person["id"]}
    for number in (person["msisdn"], "+" + person["msisdn"], "0" + person["msisdn"][3:],
                   f"0{person['msisdn'][3:6]} {person['msisdn'][6:9]}-{person['msisdn'][9:]}"):  # fmt: skip
        assert await walk(call, "users", q=number) == [person["id"]]
        assert set(await walk(call, "loans", q=number)) == theirs
    for ref in (loan["ref"], loan["ref"].lower()):
        assert await walk(call, "users", q=ref) == [person["id"]]
        assert await walk(call, "wallets", q=ref) == [person["id"]]
        assert await walk(call, "loans", q=ref) == [loan["id"]]
    for part in (
        person["msisdn"][:9],
        person["msisdn"][3:],
        "254999999999",
    ):  # a number is known whole, or not
        assert await walk(call, "users", q=part) == []


async def test_things_are_found_by_receipt_reference_and_number(
    call: Read, tables: dict[str, list[Any]]
) -> None:
    payout = next(row for row in tables["payouts"] if row["receipt"])
    assert await walk(call, "payouts", q=payout["receipt"].lower()) == [payout["id"]]
    assert await walk(call, "payouts", q=payout["originator_id"]) == [payout["id"]]
    ref = next(row["ref"] for row in tables["loans"] if row["id"] == payout["loan_id"])
    assert await walk(call, "payouts", q=ref) == [payout["id"]]
    for name, column in (("transactions", "loan_id"), ("messages", "loan_id")):
        expected = {row["own"] for row in tables[name] if row[column] == payout["loan_id"]}
        assert set(await walk(call, name, q=ref)) == expected
    repayment = next(row for row in tables["transactions"] if row["key"].startswith("receipt:"))
    assert await walk(call, "transactions", q=repayment["key"].partition(":")[2]) == [repayment["id"]]
    item = next(row for row in tables["suspense"] if row["account_ref"] == "school fees")
    assert await walk(call, "suspense", q=item["receipt"]) == [item["id"]]
    assert item["id"] in await walk(call, "suspense", q="School Fees")
    approval = next(row for row in tables["approvals"] if row["kind"] == "write_off")
    found = await walk(call, "approvals", q=approval["subject"], status=["proposed", "approved", "rejected"])
    assert approval["id"] in found
    with pytest.raises(Problem, match="look for people under admin/users"):
        await ask(call, "payouts", q="Wanjiru Kamau")


@pytest.mark.parametrize("name", ["loans", "users", "payouts", "days"])
async def test_skip_and_totals_agree_with_the_whole(
    name: str, call: Read, tables: dict[str, list[Any]]
) -> None:
    for sort in sorts_of(name):
        expected = ORACLES[name].expected(tables[name], {}, sort)
        for skip in (0, 1, len(expected) // 2, len(expected) - 3, len(expected) + 5):
            answer = await ask(call, name, sort=sort, skip=skip, limit=20, total=True)
            assert [getattr(item, ORACLES[name].id) for item in answer.items] == expected[skip : skip + 20]
            assert (answer.total, answer.total_is_exact) == (len(expected), True)


async def test_a_large_total_is_an_estimate_and_says_so(call: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.api.lists.pages.EXACT_UP_TO", 20)
    answer = await ask(call, "loans", total=True, limit=1)
    count = await call.pool.fetchval("select count(*) from loan")
    assert answer.total_is_exact is False
    assert 0.5 * count < answer.total < 2 * count


async def test_a_walk_shows_each_row_once_while_rows_come_and_go(call: Read, seeded_url: str) -> None:  # noqa: F811
    """New payments, and loans that change, between any two pages: what was there all along comes once."""
    before = {row["id"] for row in await call.pool.fetch("select id from sms")}
    seen: list[int] = []
    cursor: dict[str, Any] = {}
    connection = await asyncpg.connect(seeded_url)
    added = 0
    try:
        while True:
            answer = await ask(call, "messages", limit=100, **cursor)
            seen += [item.id for item in answer.items]
            if answer.next is None:
                break
            cursor = {"cursor": answer.next}
            added += 1
            await connection.execute(
                "insert into sms (key, borrower_id, kind, notice, details, created_at) values "
                "($1, 1, 'money', 'payment', '{}', now()), ($2, 1, 'money', 'payment', '{}', '2025-10-01')",
                f"new:{added}", f"old:{added}",
            )  # fmt: skip
    finally:
        await connection.execute("delete from sms where key like 'new:%' or key like 'old:%'")
        await connection.close()
    assert added > 5
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


HOSTILE = [
    ("loans", {"status": "overdue'; drop table loan; --"}, "query.status"),
    ("loans", {"sort": "amount; drop table loan"}, "query.sort"),
    ("loans", {"colour": "red"}, "query.colour: is not known here"),
    ("loans", {"amount_min_cents": "-1"}, "query.amount_min_cents"),
    ("loans", {"amount_min_cents": "99999999999999999999"}, "query.amount_min_cents"),
    ("loans", {"amount_min_cents": "1e3"}, "query.amount_min_cents"),
    ("loans", {"applied_from": "0001-01-01"}, "query.applied_from"),
    ("loans", {"applied_from": "yesterday"}, "query.applied_from"),
    ("loans", {"applied_to": "9999-12-31"}, "query.applied_to"),
    ("loans", {"limit": "501"}, "query.limit"),
    ("loans", {"limit": "0"}, "query.limit"),
    ("loans", {"skip": "10001"}, "go on with `cursor`"),
    ("loans", {"skip": "-1"}, "query.skip"),
    ("loans", {"cursor": "x" * 2000}, "query.cursor"),
    ("loans", {"cursor": "not a cursor"}, "query.cursor"),
    ("loans", {"cursor": "AAAA"}, "query.cursor"),
    ("loans", {"total": "yes"}, "query.total"),
    ("loans", {"format": "pdf"}, "query.format"),
    ("loans", {"format": "csv", "limit": "5"}, "a file has all rows"),
    ("users", {"q": ""}, "query.q"),
    ("users", {"q": "w" * 81}, "query.q"),
    ("users", {"q": "a\x00b"}, "query.q"),
    ("days", {"q": "x"}, "query.q"),
]


@pytest.mark.parametrize(("name", "asked_for", "said"), HOSTILE)
async def test_what_no_list_takes_is_refused(
    name: str, asked_for: dict[str, str], said: str, call: Read
) -> None:
    with pytest.raises(Problem) as refused:
        await ask(call, name, **asked_for)
    assert refused.value.kind.status == 422
    assert said in refused.value.detail


async def test_strange_texts_are_only_texts(call: Read) -> None:
    for text in (
        "' or 1=1 --",
        "%",
        "_",
        "\\",
        "{0}",
        "{}",
        "$1",
        "a%b",
        "🙂",
        "ﬁ",
        "\u202e",
        "((((",
        "254",
        "0'0'0'0'",
    ):
        assert isinstance(await walk(call, "users", q=text), list)
        assert isinstance(await walk(call, "loans", q=text), list)
        for name in ("loans", "transactions", "messages"):
            field = {"loans": "product", "transactions": "kind", "messages": "notice"}[name]
            assert await walk(call, name, **{field: [text, "' or '1'='1"]}) == []


async def test_a_cursor_is_for_its_own_list_filters_and_sort(call: Read) -> None:
    first = await ask(call, "loans", limit=5, status=["repaid"])
    assert (await ask(call, "loans", limit=9, status=["repaid"], cursor=first.next)).items
    for other in ({"status": ["active"]}, {}, {"status": ["repaid"], "sort": "amount"}):
        with pytest.raises(Problem, match="is no cursor of this list"):
            await ask(call, "loans", cursor=first.next, **other)
    with pytest.raises(Problem, match="is no cursor of this list"):
        await ask(call, "users", cursor=first.next)
    raw = bytearray(base64.urlsafe_b64decode(first.next + "=="))
    for place in range(0, len(raw), 5):
        forged = bytes(raw[:place]) + bytes([raw[place] ^ 1]) + bytes(raw[place + 1 :])
        with pytest.raises(Problem, match="is no cursor of this list"):
            await ask(call, "loans", status=["repaid"], cursor=base64.urlsafe_b64encode(forged).decode())


async def test_nothing_but_masked_numbers_leaves(call: Read, tables: dict[str, list[Any]]) -> None:
    numbers = [row["msisdn"] for row in tables["users"]]
    for name in ORACLES:
        more = {"status": ["proposed", "approved", "rejected"]} if name == "approvals" else {}
        text = (await ask(call, name, limit=200, **more)).model_dump_json()
        assert "2549" not in text.replace("2549***", "")
        assert not any(number in text for number in numbers)


async def test_each_statement_walks_an_index_and_sees_its_own_values(call: Read) -> None:
    """The statement names each state, so that PostgreSQL plans for it; it is read only, and has its time."""
    listing = LISTINGS["loans"]
    query = query_of(OPERATIONS["loans"], {"status": ["overdue", "active"]})
    async with call.pool.acquire() as connection, connection.transaction():
        made = await asked(connection, listing, query, None)
    states = {state for state, _ in made.wanted.combinations}
    assert states == {"loan.state = 'overdue'", "loan.state = 'active'"}


async def test_a_list_that_takes_too_long_is_refused_with_what_to_do(
    call: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = LISTINGS["loans"].select + ", (select pg_sleep(5)) as slept"
    listing = Listing(
        **{name: getattr(LISTINGS["loans"], name) for name in Listing.__slots__} | {"select": slow}
    )
    monkeypatch.setattr("services.api.lists.pages.BEGIN", "set local statement_timeout = 50")
    query = query_of(OPERATIONS["loans"], {})
    with pytest.raises(Problem, match="Narrow it"):
        await asyncio.wait_for(page(call, listing, query, OPERATIONS["loans"].answer), 4)  # type: ignore[arg-type]


async def test_loans_of_some_due_dates_come_by_due_date(call: Read, tables: dict[str, list[Any]]) -> None:
    day = max(row["due_on"] for row in tables["loans"] if row["due_on"])
    answer = await ask(call, "loans", due_to=day.isoformat(), limit=20)
    assert [item.due_on for item in answer.items] == sorted((i.due_on for i in answer.items), reverse=True)
    with pytest.raises(Problem, match="sort=due or sort=-due"):
        await ask(call, "loans", due_to=day.isoformat(), sort="amount")
    with pytest.raises(Problem, match="one of the two dates"):
        await ask(call, "loans", due_to=day.isoformat(), applied_from=day.isoformat())
    with pytest.raises(Problem, match="come by these"):
        await ask(call, "loans", applied_from=day.isoformat(), sort="due")


async def test_what_is_of_some_amount_comes_the_latest_first(call: Read) -> None:
    for name, sort in (("loans", "applied"), ("loans", "due"), ("payouts", "created")):
        with pytest.raises(Problem, match=f"the latest first: sort=-{sort}"):
            await ask(call, name, amount_min_cents=1, sort=sort)
        await ask(call, name, amount_min_cents=1, sort=f"-{sort}")
        await ask(call, name, amount_min_cents=1, sort=sort, user_id=1)
    with pytest.raises(Problem, match="come by these"):
        await ask(call, "payouts", created_from="2026-01-01", sort="amount")
