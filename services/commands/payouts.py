"""`ussd payouts`: what M-Pesa would not speak of. One person says what the portal shows, another decides."""

from typing import Annotated, Any

import typer

app = typer.Typer(help="Payouts that wait for a person.", no_args_is_help=True)

Payout = Annotated[int, typer.Argument(help="The payout's number, as `ussd payouts list` shows it.")]
By = Annotated[str, typer.Option("--by", help="Who says so.", envvar="USER")]
Reason = Annotated[str, typer.Option(help="What you saw, and where.")]


@app.callback()
def group() -> None:
    """Payouts that wait for a person."""


@app.command("list")
def list_() -> None:
    """Show the payouts that wait for a person, the oldest first, and what is proposed of them."""
    from services.commands.database import once
    from services.loans.approvals import waiting
    from services.mpesa import manual

    async def work(connection: Any) -> list[str]:
        proposed = {
            row["subject"]: row
            for kind in (manual.SENT, manual.NOT_SENT)
            for row in await waiting(connection, kind)
        }
        return [
            _line(row, proposed.get(f"payout:{row['id']}")) for row in await manual.queue(connection, 1000)
        ]

    lines = once(work)
    typer.echo("\n".join(lines) if lines else "None waits.")


@app.command()
def sent(
    payout: Payout,
    receipt: Annotated[str, typer.Argument(help="M-Pesa's receipt, as the portal shows it.")],
    by: By = "ussd",
    reason: Reason = "the portal shows it",
) -> None:
    """Propose: it was paid, under that receipt."""
    from services.commands.database import once
    from services.mpesa import manual

    async def work(connection: Any) -> int:
        async with connection.transaction():
            return await manual.propose_sent(connection, payout, receipt, by, reason)

    _proposed(once(work))


@app.command("not-sent")
def not_sent(payout: Payout, by: By = "ussd", reason: Reason = "the portal shows none") -> None:
    """Propose: it was not paid, and will not be."""
    from services.commands.database import once
    from services.mpesa import manual

    async def work(connection: Any) -> int:
        async with connection.transaction():
            return await manual.propose_not_sent(connection, payout, by, reason)

    _proposed(once(work))


@app.command()
def decide(
    number: Annotated[int, typer.Argument(help="Of the proposal.")],
    by: By = "ussd",
    reject: Annotated[bool, typer.Option("--reject", help="Decide against it.")] = False,
    note: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Decide what somebody else proposed of a payout."""
    from services.commands.database import decide as deciding
    from services.mpesa import manual

    typer.echo(deciding((manual.SENT, manual.NOT_SENT), number, by, note, reject=reject))


def _proposed(number: int) -> None:
    typer.echo(f"Proposed as number {number}. Somebody else decides: ussd payouts decide {number} --by NAME")


def _line(row: Any, proposed: Any) -> str:
    said = (
        f"{row['id']:>6}  {row['state']:9}  KES {row['amount_cents'] // 100:>9,}  {row['originator_id']:20}"
    )
    said += f"  {row['ref'] or 'refund':8}  since {row['manual_at']:%Y-%m-%d %H:%M} UTC"
    if proposed is None:
        return said
    return f"{said}  {proposed['kind']}: number {proposed['id']} by {proposed['proposed_by']}"
