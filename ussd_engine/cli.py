"""The `ussd` command.

Commands import what they need when they run, so that `ussd --help` and shell completion are quick. An
UssdError is one plain message and exit code 1; a traceback means a fault of ours. Installed services may
add commands of their own.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ussd_engine.errors import UssdError


class _Commands(TyperGroup):
    """Our commands, then those of installed services. These are imported only when one is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_service_commands()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or _service_commands().get(cmd_name)


def _service_commands() -> dict[str, Any]:
    from ussd_engine.plugin import installed_services

    found: dict[str, Any] = {}
    for service in installed_services().values():
        added = service.commands()
        if added is not None:
            group = typer.main.get_group(added)
            found.update(group.commands)
    return found


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Answer USSD dialogs written in YAML.",
)


@app.callback()
def _before_any_command() -> None:
    """What a command prints is for a person or a file: its logs go beside it, and are redacted."""
    from ussd_engine.observe import logs

    logs.write_as_json()


Folders = Annotated[list[Path], typer.Argument(help="Menu folders, as in menus/umoja.")]
Folder = Annotated[Path, typer.Argument(help="A menu folder, as in menus/umoja.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Where to listen.")]


@app.command()
def dev(
    port: Port = 8000,
    data: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path(".ussd"),
    reload: Annotated[bool, typer.Option("--reload/--no-reload", help="Follow saved menu files.")] = True,
) -> None:
    """Run everything here: private PostgreSQL and Redis, migrations, web server, phone page."""
    from ussd_engine import dev as development

    development.run(port=port, data=data, reload=reload)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address; else USSD_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; else USSD_PORT.")] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Processes on the port; from 2 on SIGHUP reloads.")
    ] = 1,
    pin: Annotated[bool | None, typer.Option(help="Each on a core of its own; else PIN_WORKERS.")] = None,
    lane: Annotated[bool, typer.Option(help="The fast lane; without it aiohttp answers, slower.")] = True,
    place: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Answer dialogs, on the PostgreSQL and Redis of DATABASE_URL and REDIS_URL."""
    from ussd_engine.commands import running

    running.serve(host, port, workers, lane=lane, pin=pin, place=place)


@app.command()
def check(folders: Folders) -> None:
    """Find every fault of a menu folder, with its place and what to do. Exit code 1 when there are errors."""
    from ussd_engine.commands import menus

    raise typer.Exit(menus.check(folders))


@app.command()
def test(folders: Folders) -> None:
    """Play the journeys of a menu folder. Exit code 1 when one goes another way."""
    from ussd_engine.commands import menus

    raise typer.Exit(menus.test(folders))


@app.command(name="try")
def try_(
    target: Annotated[
        str | None, typer.Argument(help="A running server, or a menu folder; else a private server.")
    ] = None,
    phone: Annotated[str | None, typer.Option(help="The number to dial from.")] = None,
    code: Annotated[str | None, typer.Option(help="The code to dial.")] = None,
    lines: Annotated[bool, typer.Option("--lines", help="No screen: one line of input, one reply.")] = False,
) -> None:
    """Be a phone in the terminal."""
    from ussd_engine.commands import menus

    raise typer.Exit(menus.try_(target, phone, code, lines=lines))


@app.command()
def draw(
    folder: Folder,
    form: Annotated[str, typer.Option("--format", help="mermaid, or dot (Graphviz).")] = "mermaid",
    language: Annotated[str, typer.Option(help="Of the texts; else the first.")] = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; else the terminal.")] = None,
) -> None:
    """Draw the states of a menu folder and the ways between them."""
    from ussd_engine.commands import menus

    menus.draw(folder, form, language, output)


@app.command()
def schema(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path("menus/schema"),
) -> None:
    """Write the JSON Schemas that editors use to complete menu files."""
    from ussd_engine.menu import schema as schemas

    for path in schemas.write(folder):
        print(path)


@app.command()
def publish(
    folder: Folder, note: Annotated[str, typer.Option(help="What changed, for the history.")] = ""
) -> None:
    """Make a menu folder live. New sessions begin on it; those in flight end on theirs."""
    from ussd_engine.commands import versions as published

    published.publish(folder, note)


@app.command()
def versions(service: Annotated[str, typer.Argument(help="As in service.yaml.")]) -> None:
    """List what was published, and how many sessions each version still has."""
    from ussd_engine.commands import versions as published

    published.versions(service)


@app.command()
def rollback(
    service: Annotated[str, typer.Argument(help="As in service.yaml.")],
    version: Annotated[str | None, typer.Argument(help="Which; without it, the one before.")] = None,
) -> None:
    """Make an older version live again."""
    from ussd_engine.commands import versions as published

    published.rollback(service, version)


@app.command()
def migrate(
    direction: Annotated[str, typer.Argument(help="up or down.")] = "up",
    revision: Annotated[str | None, typer.Argument(help="How far; else all the way up, or one down.")] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL, change nothing.")] = False,
) -> None:
    """Bring the database of DATABASE_URL up to date, or take it back."""
    from ussd_engine.commands import running

    running.migrate(direction, revision, sql=sql)


@app.command(hidden=True)
def watch() -> None:
    """Publish the menu folders of MENUS_DIR whenever a file is saved. `ussd dev` runs it."""
    from ussd_engine.commands import watching

    watching.watch()


@app.command()
def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Tasks at once.")] = 2,
) -> None:
    """Carry out background tasks, on the broker of CELERY_BROKER_URL (else REDIS_URL)."""
    from ussd_engine.commands import running

    running.worker(concurrency)


@app.command()
def beat() -> None:
    """Hand out the tasks that are due by the clock. Run exactly one."""
    from ussd_engine.commands import running

    running.beat()


def main() -> None:
    """The entry point: an UssdError is told, not traced."""
    try:
        app()
    except UssdError as error:
        print(f"ussd: {str(error) or error.__doc__}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
