"""One report from the command line: it connects, makes the report, writes the file, and notes who did."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import asyncpg

from services.reports import catalog, get, run, stored, write
from services.reports.model import Parameters, ReportError
from ussd_engine.pool import connect

STDOUT = Path("-")


def listing() -> Iterator[str]:
    """What there is, a line each."""
    for report in catalog():
        asks = "--as-of" if report.asks == "as_of" else "--from --to"
        formats = "csv, xlsx, pdf" if report.signed else "csv, xlsx"
        yield f"{report.name:16} {asks:12} {formats:16} {report.about}"


async def make(
    database_url: str, name: str, parameters: Parameters, format_: str, out: Path, made_by: str
) -> str:
    """Make a report into a file, or as CSV to the terminal; what was made, in a sentence. Raises UssdError.

    The file is there when it is whole, and not before.
    """
    report = get(name)
    if out == STDOUT and format_ != "csv":
        raise ReportError("Say with --out where the file goes.")
    connection = await connect(database_url)
    try:
        async with run(connection, name, parameters) as ran:
            if out == STDOUT:
                written = await write(ran, format_, sys.stdout.buffer, made_by)
                digest = written.data_sha256
            else:
                with _whole(out) as file:
                    written = await write(ran, format_, file, made_by)
                    digest = stored.file_digest(file)
        await stored.note(connection, ran, format_, made_by, written, digest)
    except asyncpg.UndefinedTableError:
        raise ReportError("The database lacks tables of the ledger. Run: ussd migrate") from None
    finally:
        await connection.close()
    where = "" if out == STDOUT else f" in {out}"
    hash_ = written.data_sha256.hex()
    return f"{report.title}, {ran.period}: {written.rows:,} rows{where}. SHA-256 of the data: {hash_}"


@contextmanager
def _whole(out: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when all is written, and is gone when something went wrong."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w+b") as file:
            yield file
        part.replace(out)
    except OSError as error:
        raise ReportError(f"Cannot write {out}: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
