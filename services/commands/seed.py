"""`ussd seed`: an empty database becomes a lender with customers, loans and books."""

from typing import Annotated

import typer


def seed(
    borrowers: Annotated[int, typer.Option(min=1, max=5_000_000, help="How many people.")],
    seed: Annotated[int, typer.Option(help="One seed makes the same people, loans and books.")] = 1,
    days: Annotated[int, typer.Option(min=30, max=3_650, help="For how long the lender was open.")] = 730,
    until: Annotated[str, typer.Option(help="Its last whole day. [default: yesterday]")] = "",
    check: Annotated[bool, typer.Option(help="Check the books at the end.")] = True,
) -> None:
    """Fill an empty database with made-up people, their loans and the books. Not in production.

    Their numbers are nobody's: they begin 2549. It takes minutes for a million borrowers.
    """
    import asyncio
    from datetime import date

    from services.seeding import loading
    from services.seeding.desk import Plan
    from ussd_engine.settings import settings

    try:
        last = date.fromisoformat(until) if until else loading.yesterday()
    except ValueError:
        raise typer.BadParameter("a day is written like 2026-11-22", param_hint="--until") from None
    done = asyncio.run(loading.seed(settings(), Plan(borrowers, days, seed, last), typer.echo, check=check))
    for what, seconds in done.seconds.items():
        typer.echo(f"{seconds:8.1f} s  {what}")
    typer.echo(", ".join(f"{count:,} {table}" for table, count in done.rows.items()))
