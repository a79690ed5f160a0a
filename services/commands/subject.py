"""`ussd subject`: what is held about somebody, for them; and forgetting them."""

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="What is held about somebody, and forgetting them.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="Their phone number, like 254712345678.")]
By = Annotated[str, typer.Option("--by", help="Who answers the request.", envvar="USER")]


@app.callback()
def group() -> None:
    """What is held about somebody, and forgetting them."""


@app.command()
def export(
    msisdn: Number,
    out: Annotated[Path, typer.Option(help="The JSON file to write. Only you can read it.")],
    by: By = "ussd",
) -> None:
    """Write everything held about somebody to a file, and note that it was asked for."""
    import os

    import orjson

    from services.commands.database import once
    from services.loans.approvals import person
    from services.privacy import subject
    from ussd_engine.settings import settings

    async def work(connection: Any) -> dict[str, Any]:
        number = await _borrower(connection, msisdn)
        secret = settings().secret.get_secret_value()
        return await subject.export(connection, number, secret, person(by))

    made = once(work)
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n")
    rows = sum(len(table) for table in made["tables"].values())
    typer.echo(f"{rows} rows of {len(made['tables'])} tables in {out}")


@app.command()
def erase(
    msisdn: Number,
    by: By = "ussd",
    reason: Annotated[str, typer.Option(help="Why: what they asked for, and when.")] = "they asked for it",
) -> None:
    """Propose to forget somebody. Somebody else decides: ussd subject decide NUMBER --by NAME."""
    from services.commands.database import once
    from services.privacy import erasure

    async def work(connection: Any) -> int:
        async with connection.transaction():
            number = await _borrower(connection, msisdn)
            return await erasure.propose(connection, number, by, reason)

    number = once(work)
    typer.echo(f"Proposed as number {number}. Somebody else decides: ussd subject decide {number} --by NAME")


@app.command()
def decide(
    number: Annotated[int, typer.Argument(help="Of the proposal.")],
    by: By = "ussd",
    reject: Annotated[bool, typer.Option("--reject", help="Decide against it.")] = False,
    note: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Decide that somebody is forgotten, or is not. Not for who proposed it. It cannot be undone."""
    from services.commands.database import decide as deciding
    from services.privacy.erasure import ERASURE

    typer.echo(deciding((ERASURE,), number, by, note, reject=reject))


async def _borrower(connection: Any, msisdn: str) -> int:
    from services.privacy import subject
    from ussd_engine.errors import UssdError
    from ussd_engine.numbers import msisdn_of
    from ussd_engine.observe.logs import mask

    known = msisdn_of(msisdn, "KE") or msisdn.lstrip("+")
    number = await subject.find(connection, known)
    if number is None:
        raise UssdError(f"{mask(known)} is nobody we know.")
    return number
