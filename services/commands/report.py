"""`ussd report`: portfolio, income, excise and the others, as CSV, Excel or PDF."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    name: Annotated[str, typer.Argument(help="Which; `list` shows them.")] = "list",
    since: Annotated[str, typer.Option("--from", help="The first day. [default: of the month]")] = "",
    until: Annotated[str, typer.Option("--to", help="The last day. [default: yesterday]")] = "",
    as_of: Annotated[str, typer.Option(help="The day at whose end it counts. [default: yesterday]")] = "",
    by: Annotated[str, typer.Option(help="day or month, where a report is grouped so.")] = "",
    format_: Annotated[str, typer.Option("--format", help="csv, xlsx or pdf. [default: as --out]")] = "",
    out: Annotated[Path, typer.Option(help="The file to write; - prints CSV.")] = Path("-"),
    made_by: Annotated[str, typer.Option("--made-by", help="Whose name is on it.", envvar="USER")] = "ussd",
) -> None:
    """Make a report, or list them. Days are Nairobi's, both of a period included."""
    import asyncio
    from datetime import date

    from services.reports import FORMATS, Parameters, ReportError, command
    from ussd_engine.settings import settings

    def day(word: str) -> date | None:
        try:
            return date.fromisoformat(word) if word else None
        except ValueError:
            raise ReportError(f"{word!r} is not a day such as 2026-11-23.") from None

    if name == "list":
        for line in command.listing():
            typer.echo(line)
        return
    chosen = format_ or out.suffix.removeprefix(".") or "csv"
    if chosen not in FORMATS:
        raise ReportError(f"Reports are made as {', '.join(FORMATS)}.")
    asked = Parameters(day(as_of), day(since), day(until), by)
    made = command.make(settings().database_url, name, asked, chosen, out, made_by[:80])
    typer.echo(asyncio.run(made), err=True)
