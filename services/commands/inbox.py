"""`ussd inbox`: callbacks of M-Pesa that could not be processed."""

from typing import Annotated, Any

import typer

app = typer.Typer(help="Callbacks of M-Pesa that could not be processed.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="As `ussd inbox list` shows it.")]

LIST = """
select id, kind, ref, state, attempts, note, received_at
from mpesa_inbox
where state = any($1::text[])
order by id
limit $2
"""

SHOW = """
select id, kind, ref, state, attempts, note, received_at, body
from mpesa_inbox
where id = $1
"""

RETRY = """
update mpesa_inbox
set state = 'new',
    attempts = 0,
    try_at = clock_timestamp(),
    note = $2
where id = $1
and state in ('failed', 'ignored')
returning id
"""


@app.callback()
def group() -> None:
    """Callbacks of M-Pesa that could not be processed."""


@app.command("list")
def list_(
    ignored: Annotated[bool, typer.Option("--ignored", help="Also what spoke of nothing we know.")] = False,
    most: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
) -> None:
    """Show those that failed, the oldest first."""
    from services.commands.database import once

    async def work(connection: Any) -> list[Any]:
        rows: list[Any] = await connection.fetch(LIST, ["failed", *(["ignored"] if ignored else [])], most)
        return rows

    rows = once(work)
    typer.echo("\n".join(_line(row) for row in rows) if rows else "None failed.")


@app.command()
def show(number: Number) -> None:
    """Show one as it came, with phone numbers and names masked."""
    import json

    from services.commands.database import once
    from services.mpesa.showing import masked
    from ussd_engine.errors import UssdError

    async def work(connection: Any) -> Any:
        return await connection.fetchrow(SHOW, number)

    row = once(work)
    if row is None:
        raise UssdError(f"There is no callback {number}.")
    typer.echo(_line(row))
    typer.echo(json.dumps(masked(bytes(row["body"])), indent=2, ensure_ascii=False))


@app.command()
def retry(number: Number, by: Annotated[str, typer.Option("--by", envvar="USER")] = "ussd") -> None:
    """Have one processed again, once its cause is mended. Nothing is booked twice by it."""
    from services import outbox
    from services.commands.database import once
    from services.loans.approvals import person
    from ussd_engine.errors import UssdError

    async def work(connection: Any) -> bool:
        async with connection.transaction():
            if await connection.fetchval(RETRY, number, f"again, by {person(by)}") is None:
                return False
            again = await connection.fetchval(
                "select count(*) from outbox where starts_with(key, $1)", f"inbox:{number}:"
            )
            await outbox.put(
                connection, f"inbox:{number}:{again + 1}", outbox.MPESA_CALLBACK, {"inbox_id": number}
            )
            return True

    if not once(work):
        raise UssdError(f"There is no callback {number} that failed.")
    typer.echo(f"Callback {number} will be processed again.")


def _line(row: Any) -> str:
    said = f"{row['id']:>6}  {row['state']:7}  {row['kind']:12}  {row['ref'] or '-':20}"
    return f"{said}  {row['attempts']} times  {row['received_at']:%Y-%m-%d %H:%M} UTC  {row['note']}"
