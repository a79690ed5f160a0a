"""Reports that were made: which, by whom, when, of what, and the hashes; of those on schedule the file."""

import hashlib
from datetime import date, datetime
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import orjson

from services.reports.model import Parameters, Ran
from services.reports.running import run
from services.reports.settings import reports
from services.reports.writing import Written, write

IN_MEMORY = 1 << 20

KEEP = """
insert into report_run (
    name, parameters, period_to, scheduled, format, made_by, made_at, rows, data_sha256, file_sha256, file
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (name, period_to, format) where scheduled do nothing
returning id
"""

RUNS = """
select
    id, name, parameters, period_to, scheduled, format, made_by, made_at, rows, data_sha256, file_sha256,
    file is not null as has_file
from report_run
where ($1::text is null or name = $1)
and ($2::bigint is null or id < $2)
order by id desc
limit $3
"""

FILE = """
select name, period_to, format, file
from report_run
where id = $1
and file is not null
"""


async def make(connection: Any, name: str, parameters: Parameters, format_: str, made_by: str,
               now: datetime | None = None) -> int | None:  # fmt: skip
    """Make a report on schedule and keep it with its file; None when it was made before. Raises
    ReportError."""
    with SpooledTemporaryFile(IN_MEMORY) as file:
        out = cast(BinaryIO, file)
        async with run(connection, name, parameters, now) as ran:
            written = await write(ran, format_, out, made_by)
        size = out.seek(0, 2)
        out.seek(0)
        body = out.read() if size <= reports().most_kept_bytes else None
        digest = file_digest(out)
    return await _keep(connection, ran, format_, made_by, written, digest, body, scheduled=True)


async def note(
    connection: Any, ran: Ran, format_: str, made_by: str, written: Written, file_sha256: bytes
) -> int:
    """Write down that somebody made a report. Its file is theirs."""
    number = await _keep(connection, ran, format_, made_by, written, file_sha256, None, scheduled=False)
    assert number is not None
    return number


async def runs(
    connection: Any, name: str | None = None, before: int | None = None, most: int = 50
) -> list[dict[str, Any]]:
    """What was made, newest first, from before that number on."""
    rows = await connection.fetch(RUNS, name, before, most)
    return [
        {
            **row,
            "parameters": orjson.loads(row["parameters"]),
            "data_sha256": bytes(row["data_sha256"]).hex(),
            "file_sha256": bytes(row["file_sha256"]).hex(),
        }
        for row in rows
    ]


async def file(connection: Any, number: int) -> tuple[str, bytes] | None:
    """A kept file and the name for it; None when it was not kept."""
    row = await connection.fetchrow(FILE, number)
    if row is None:
        return None
    return f"{row['name']}-{row['period_to']}.{row['format']}", bytes(row["file"])


def file_digest(opened: BinaryIO) -> bytes:
    """SHA-256 of an open file, from its beginning."""
    found = hashlib.sha256()
    opened.seek(0)
    while block := opened.read(IN_MEMORY):
        found.update(block)
    return found.digest()


async def _keep(
    connection: Any,
    ran: Ran,
    format_: str,
    made_by: str,
    written: Written,
    file_sha256: bytes,
    body: bytes | None,
    *,
    scheduled: bool,
) -> int | None:
    asked = ran.parameters
    held = {"as_of": asked.as_of, "since": asked.since, "until": asked.until, "by": asked.by}
    said = orjson.dumps({name: value for name, value in held.items() if value}).decode()
    last = cast(date, asked.until or asked.as_of)
    number: int | None = await connection.fetchval(
        KEEP, ran.report.name, said, last, scheduled, format_, made_by[:80], ran.made_at, written.rows,
        written.data_sha256, file_sha256, body,
    )  # fmt: skip
    return number
