"""The audit: who changed what, from where, before and after. Rows are only ever added.

One row for each thing a change says it changed; one row with the path as its subject when it says none.
A row is written in the change's own transaction: what is not in the audit did not happen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

MOST_SUBJECT = 200

WRITE = """
insert into audit (who, kind, operation, subject, before, after, address, request_id)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""


@dataclass(slots=True)
class Audited:
    """One thing that was changed: subject such as `loan:ABC123`, and what it was before and is after."""

    subject: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(slots=True, frozen=True)
class By:
    """Who does it: their name, what they are (person, key, terminal, nobody), where the request is from."""

    who: str
    kind: str
    operation: str
    address: str = ""
    request_id: str = ""


async def write(connection: Any, by: By, changes: Iterable[Audited]) -> None:
    """Add the rows, inside the caller's transaction."""
    rows = []
    for change in changes:
        before, after = differing(change.before, change.after)
        subject = change.subject[:MOST_SUBJECT]
        rows.append((by.who, by.kind, by.operation, subject, _json(before), _json(after),
                     by.address, by.request_id))  # fmt: skip
    await connection.executemany(WRITE, rows)


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both without what is the same in both."""
    same = {name for name in before.keys() & after.keys() if before[name] == after[name]}
    return (
        {name: value for name, value in before.items() if name not in same},
        {name: value for name, value in after.items() if name not in same},
    )


def _json(held: Mapping[str, Any]) -> str:
    return orjson.dumps(held, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
