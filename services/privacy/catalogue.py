"""Which rows of which tables are about a person, as the database's own catalogue tells it.

    a table with a column borrower_id                       the rows with theirs
    a table with a column msisdn                            the rows with their number
    a table that refers to one of these by a foreign key    the rows that refer to such a row

So a table that is new tomorrow is in an export without anybody thinking of it. What a table holds about
somebody in another way is said in OTHERWISE.
"""

from dataclasses import dataclass, field
from typing import Any

PERSON = "borrower"
BY_ID, BY_NUMBER = "borrower_id", "msisdn"

# What proves who somebody is, or guards it. It is theirs to know already, and nobody's to export.
SECRETS = frozenset({"pin_hash", "secret_hash", "password_hash", "request_hash"})
# The lender's own people: what concerns them as staff is no borrower's.
STAFF = frozenset({"staff_number"})

# Rows that are about somebody without a column that says so. $1: the borrower, $2: the phone number, $3: the
# digest of it in the keys of presses, $4: SHA-256 of it in hexadecimal.
OTHERWISE = {
    "action_result": "position(':' || $3 || ':' in t.key) > 0",
    "mpesa_inbox": "position(convert_to($2, 'UTF8') in t.body) > 0",
    "sms_callback": "t.body ->> 'phoneNumber' in ($2, '+' || $2)",
    "suspense_item": "t.payer in ('borrower:' || $1, $4)",
    "audit": "t.subject in ('borrower:' || $1, $2)"
    " or t.subject in (select 'loan:' || ref from loan where borrower_id = $1::bigint)",
}

COLUMNS = """
select columns.table_name, columns.column_name
from information_schema.columns
join information_schema.tables using (table_schema, table_name)
where columns.table_schema = 'public'
and tables.table_type = 'BASE TABLE'
order by columns.table_name, columns.ordinal_position
"""

# Foreign keys of one column.
REFERENCES = """
select
    child.relname as child,
    child_column.attname as child_column,
    parent.relname as parent,
    parent_column.attname as parent_column
from pg_constraint
join pg_class as child on child.oid = pg_constraint.conrelid
join pg_class as parent on parent.oid = pg_constraint.confrelid
join pg_attribute as child_column
    on child_column.attrelid = child.oid and child_column.attnum = pg_constraint.conkey[1]
join pg_attribute as parent_column
    on parent_column.attrelid = parent.oid and parent_column.attnum = pg_constraint.confkey[1]
where pg_constraint.contype = 'f'
and pg_constraint.connamespace = 'public'::regnamespace
and cardinality(pg_constraint.conkey) = 1
order by child.relname, child_column.attname
"""


@dataclass(slots=True, frozen=True)
class Link:
    """Rows of `child` whose column is one of the values that rows of `parent` have in theirs."""

    child: str
    child_column: str
    parent: str
    parent_column: str


@dataclass(slots=True)
class Plan:
    """Where to look. columns: of each table, but for secrets. own: tables that name a person, and by which
    column. links: from a table to those that refer to it."""

    columns: dict[str, list[str]] = field(default_factory=dict)
    own: list[tuple[str, str]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    @property
    def tables(self) -> set[str]:
        """All that are looked into."""
        return (
            {table for table, _ in self.own} | {link.child for link in self.links} | set(OTHERWISE) | {PERSON}
        )


async def plan(connection: Any) -> Plan:
    """Read the catalogue."""
    made = Plan()
    every: dict[str, set[str]] = {}
    for row in await connection.fetch(COLUMNS):
        table, column = row["table_name"], row["column_name"]
        every.setdefault(table, set()).add(column)
        if column not in SECRETS:
            made.columns.setdefault(table, []).append(column)
    for table, columns in every.items():
        if table in STAFF or table == PERSON:
            continue
        made.own += [(table, column) for column in (BY_ID, BY_NUMBER) if column in columns]
    links = [Link(*row.values()) for row in await connection.fetch(REFERENCES)]
    reached = {PERSON} | {table for table, _ in made.own} | (set(OTHERWISE) & set(every))
    waiting = sorted(reached)
    while waiting:
        parent = waiting.pop(0)
        for link in links:
            if link.parent != parent or link.child == PERSON or link.child_column == BY_ID:
                continue
            made.links.append(link)
            if link.child not in reached:
                reached.add(link.child)
                waiting.append(link.child)
    return made
