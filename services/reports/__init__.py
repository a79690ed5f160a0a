"""What the lender reads, signs and hands in: see docs/reports.md.

    for report in reports.catalog(): …
    async with reports.run(connection, "portfolio", parameters) as ran:
        written = await reports.write(ran, "csv", file, made_by="akinyi")

A report is declared in definitions.py, its figures come from the ledger by the SQL of queries.py, and
its rows stream: from PostgreSQL's cursor into the file, never all in memory.
"""

from services.reports.model import Column, Fact, Parameters, Ran, Report, ReportError
from services.reports.running import catalog, get, run
from services.reports.writing import FORMATS, Written, csv_lines, write

__all__ = (
    "FORMATS", "Column", "Fact", "Parameters", "Ran", "Report", "ReportError", "Written", "catalog",
    "csv_lines", "get", "run", "write",
)  # fmt: skip
