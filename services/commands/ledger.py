"""`ussd ledger`: looking after the books."""

from typing import Annotated

import typer

app = typer.Typer(help="Look after the books.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Look after the books."""


@app.command()
def verify(
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what is broken.")] = False,
) -> None:
    """Check that the books agree with themselves. Exit code 1 at the first place where they do not."""
    from services.ledger import verify as checking

    raise typer.Exit(checking.verify(quiet=quiet))
