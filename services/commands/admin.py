"""`ussd admin`: who of the staff is let in, and the keys of machines."""

import sys
from typing import Annotated

import typer

from services.api.permissions import NOT_FOR_KEYS, Permission, Role

app = typer.Typer(help="The lender's staff and API keys.", no_args_is_help=True)
key = typer.Typer(help="Keys for machines.", no_args_is_help=True)
app.add_typer(key, name="key")

Email = Annotated[str, typer.Argument(help="An e-mail address.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
_SCOPES = ", ".join(sorted(set(Permission) - NOT_FOR_KEYS))


@app.callback()
def group() -> None:
    """The lender's staff and API keys."""


@key.callback()
def keys() -> None:
    """Keys for machines."""


@app.command()
def create(
    email: Email,
    role: Annotated[Role, typer.Option(help="What they may: see docs/rest.md.")],
    password_stdin: FromStdin = False,
    own: Annotated[bool, typer.Option("--own", help="It is your account: the password stays.")] = False,
) -> None:
    """Let somebody in. Whoever gets a password from somebody else has to choose their own at first."""
    from services.api import terminal

    password = _password(password_stdin)
    typer.echo(terminal.run(lambda c: terminal.create(c, email, role, password, must_change=not own)))


@app.command("list")
def list_staff() -> None:
    """Everybody, those who left among them."""
    from services.api import terminal

    typer.echo(terminal.run(terminal.listed))


@app.command()
def role(email: Email, role: Annotated[Role, typer.Argument(help="What they may from now on.")]) -> None:
    """Give somebody another role. It holds at once."""
    from services.api import terminal

    typer.echo(terminal.run(lambda c: terminal.change(c, email, role, None)))


@app.command()
def reset(email: Email, password_stdin: FromStdin = False) -> None:
    """Set somebody's password anew: they are logged out, and choose their own at the next login."""
    from services.api import terminal

    password = _password(password_stdin)
    typer.echo(terminal.run(lambda c: terminal.reset(c, email, password)))


@app.command()
def disable(email: Email) -> None:
    """Let somebody in no more, from this moment."""
    from services.api import terminal

    typer.echo(terminal.run(lambda c: terminal.change(c, email, None, False)))


@app.command()
def enable(email: Email) -> None:
    """Let somebody in again."""
    from services.api import terminal

    typer.echo(terminal.run(lambda c: terminal.change(c, email, None, True)))


@key.command("create")
def create_key(
    label: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[Permission], typer.Option(help=f"What it may; may repeat. One of {_SCOPES}.")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is good for.")] = 90,
) -> None:
    """Make a key. It is printed this once, and nobody can look it up later."""
    from services.api import terminal

    typer.echo(terminal.run(lambda c: terminal.make_key(c, label, scope, days)))


@key.command("list")
def list_keys() -> None:
    """All keys, without their secrets."""
    from services.api import terminal

    typer.echo(terminal.run(terminal.listed_keys))


@key.command()
def revoke(prefix: Annotated[str, typer.Argument(help="The ten characters after umk_.")]) -> None:
    """Refuse a key from now on."""
    from services.api import terminal

    typer.echo(terminal.run(lambda c: terminal.revoke_key(c, prefix)))


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    found: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return found
