"""`ussd reconcile`: our books against M-Pesa's."""

from pathlib import Path
from typing import Annotated

import typer


def reconcile(  # noqa: PLR0913, PLR0917 - each is an option
    csv: Annotated[Path | None, typer.Option(help="A statement, as M-Pesa's portal exports it.")] = None,
    shortcode: Annotated[str, typer.Option(help="Whose statement it is.")] = "",
    account: Annotated[
        str, typer.Option(help="utility, working or charges, where the file does not say.")
    ] = "",
    pull: Annotated[bool, typer.Option("--pull", help="Ask M-Pesa what was paid to the paybill.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Ask M-Pesa what became of payouts.")] = False,
    since: Annotated[str, typer.Option("--from", help="A date, or a date and a time, in Nairobi.")] = "",
    until: Annotated[str, typer.Option("--to", help="The same; a date counts to its end.")] = "",
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for status answers.")] = 20,
    by: Annotated[str, typer.Option(help="Who asks.", envvar="USER")] = "ussd",
) -> None:
    """Compare our books with M-Pesa's; --pull and --status without a period: yesterday. Exit code 1 when
    something is open."""
    import asyncio

    from services.monitoring.shared import brought
    from services.reconciliation import command, report
    from services.reconciliation.statement import account_named
    from ussd_engine.errors import UssdError
    from ussd_engine.settings import settings

    if (csv is not None) + pull + status != 1:
        raise UssdError("Choose one of --csv FILE, --pull and --status.")
    if csv is not None and not shortcode:
        raise UssdError("Say with --shortcode whose statement it is.")
    named = account_named(account) if account else None
    if account and named is None:
        raise UssdError("--account is utility, working or charges.")
    way: command.Way = "csv" if csv is not None else "pull" if pull else "status"
    wish = command.Wish(way, by[:80], csv, shortcode, named, command.period(since, until), wait)
    with brought(settings().redis_url):
        found = asyncio.run(command.reconcile(settings(), wish))
    for line in report.text(found):
        typer.echo(line)
    raise typer.Exit(1 if report.is_open(found) else 0)
