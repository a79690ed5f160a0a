"""The seeded lender whose lists are asked, and how they are asked."""

from typing import Any

from services.api.calls import Read
from services.api.lists import rooms
from services.api.lists.listing import Listing
from services.api.operation import Operation
from services.api.reading import query_of
from tests.api.lists_oracle import ORACLES
from tests.seeding.worlds import seeded_template, seeded_url  # noqa: F401 - fixtures

OPERATIONS: dict[str, Operation] = {
    operation.path.removeprefix("/admin/"): operation
    for room in rooms()
    for operation in room.operations
    if operation.path.removeprefix("/admin/") in ORACLES
}
LISTINGS: dict[str, Listing] = {
    held.name: held
    for operation in OPERATIONS.values()
    for held in vars(__import__(operation.handler.__module__, fromlist=["x"])).values()
    if isinstance(held, Listing)
}
COMMON = {"cursor", "limit", "skip", "total", "format", "sort", "q"}

# States that no lender leaves anything in for long, payouts that wait for a person: a few of each.
RARE = """
set session_replication_role = replica;
update loan set state = 'cancelled'
where id in (select id from loan where state = 'failed' order by id limit 2);
create temp table free as
select min(id) as id, row_number() over (order by borrower_id) as place
from loan
where state = 'failed'
and borrower_id not in (select borrower_id from loan where is_open)
group by borrower_id;
update loan set state = 'approved' where id = (select id from free where place = 1);
update loan set state = 'applied' where id = (select id from free where place = 2);
update payout set state = 'unknown', receipt = null, manual_at = created_at
where id in (select id from payout where state = 'posted' order by id limit 3);
update borrower set blacklisted_at = created_at where id in (3, 90, 91);
update sms set state = 'queued' where id in (select id from sms order by id limit 2);
update borrower set name = 'Ndũng''u Wanjirũ'
where id = (select min(id) from borrower where name is not null);
update borrower set name = 'Wanjiku Wanjiru' where id = (select max(id) from borrower where name is not null);
truncate borrower_word;
insert into borrower_word select words.word, id, words.before, words.whole
from borrower cross join words_of(name) as words where name is not null;
set session_replication_role = default;
analyze
"""


async def ask(call: Read, name: str, **asked_for: Any) -> Any:
    """A page, by the strings of a query as a request has them."""
    operation = OPERATIONS[name]
    query = query_of(operation, {key: _texts(value) for key, value in asked_for.items()})
    return await operation.handler(call, query=query)


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(each) for each in value]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


async def walk(call: Read, name: str, **asked_for: Any) -> list[Any]:
    """The ids of all pages."""
    found: list[Any] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = await ask(call, name, **asked_for, **cursor)
        found += [getattr(item, ORACLES[name].id) for item in answer.items]
        if answer.next is None:
            return found
        assert "q" in asked_for or len(answer.items) == asked_for.get("limit", 50)
        cursor = {"cursor": answer.next}


def sorts_of(name: str) -> list[str]:
    """The sorts that a query may name."""
    schema = OPERATIONS[name].query.model_json_schema()  # type: ignore[union-attr]
    found: list[str] = schema["properties"]["sort"]["enum"]
    return found
