"""`ussd serve`, `migrate`, `worker` and `beat`: what runs in production, one process a command."""

import asyncio
import warnings
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ussd_engine.errors import SettingsError, UssdError
from ussd_engine.place import Offer, Place
from ussd_engine.processes import require_free_port, ussd
from ussd_engine.settings import Settings, settings

KILL_AFTER_S = 2.0  # on top of the time a worker takes for itself


def serve(
    host: str | None, port: int | None, workers: int, *, lane: bool, pin: bool | None, place: str | None
) -> None:
    """Run the web server until a signal: in this process, or in several that this one looks after.

    place: which of the several this one is; see place.py.
    """
    if place is not None:
        _serve_in_place(place, lane=lane)
        return
    chosen = _chosen(host, port)
    require_free_port(chosen.host, chosen.port)
    if workers == 1:
        _run(chosen, lane=lane)
        return

    from ussd_engine.observe import setup_logging
    from ussd_engine.workers import Options, Workers

    def read() -> Options:
        settings.cache_clear()
        now = _chosen(host, port)
        stop_s = now.drain_s + KILL_AFTER_S
        pinned = now.pin_workers if pin is None else pin
        return Options(now.host, now.port, now.retire_s, stop_s, pinned, now.max_worker_mb << 20)

    def command(offer: Offer) -> list[str]:
        return ussd("serve", "--place", offer.written(), *(() if lane else ("--no-lane",)))

    setup_logging(chosen)
    asyncio.run(Workers(workers, command, read).run())


def _serve_in_place(text: str, *, lane: bool) -> None:
    place = Place(Offer.read(text))
    host, port = place.sockets[0].getsockname()[:2]
    _run(_chosen(host, port), lane=lane, place=place)


def _run(chosen: Settings, *, lane: bool, place: Place | None = None) -> None:
    import uvloop

    from ussd_engine import server

    uvloop.run(server.serve(chosen, lane=lane, place=place))


def _chosen(host: str | None, port: int | None) -> Settings:
    """The settings, but for what the command line says."""
    given = {"host": host, "port": port}
    chosen = settings().model_copy(update={name: value for name, value in given.items() if value is not None})
    chosen.require_safe()
    return chosen


def migrate(direction: str, revision: str | None, *, sql: bool) -> None:
    """Run Alembic on DATABASE_URL, or print what it would run."""
    from alembic.util.exc import CommandError

    from migrations import run as migrations
    from ussd_engine.pool import FAILURES

    if direction not in ("up", "down"):
        raise UssdError(f"`ussd migrate` goes up or down, not {direction}.")
    target = revision or ("head" if direction == "up" else "-1")
    if sql:
        _print_sql(direction, target)
        return
    url = settings().database_url
    change: Callable[[str, str], None] = migrations.upgrade if direction == "up" else migrations.downgrade
    try:
        before = migrations.current(url)
        change(url, target)
        after = migrations.current(url)
    except FAILURES as error:
        raise UssdError(
            f"No migration: {_without_password(url)} says: {error}. Check DATABASE_URL."
        ) from None
    except CommandError as error:
        raise UssdError(f"No migration: {error}. Migrations are named 0001, 0002 and so on.") from None
    print(f"The database was at {before or 'nothing'} and is at {after or 'nothing'}.")


def _print_sql(direction: str, target: str) -> None:
    from alembic import command
    from alembic.config import Config

    import migrations

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    if direction == "up":
        command.upgrade(config, target, sql=True)
        return
    if ":" not in target:
        raise UssdError("The SQL of a way down needs both ends: ussd migrate down FROM:TO --sql")
    command.downgrade(config, target, sql=True)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or "the local socket"
    return f"{host}{parts.path}"


def worker(concurrency: int) -> None:
    """Run a Celery worker of the installed services' tasks, every queue of theirs."""
    from celery.platforms import SecurityWarning

    app = _celery()
    if settings().env == "development":  # there root is welcome; tasks are JSON, never pickles
        warnings.filterwarnings("ignore", category=SecurityWarning)
    app.worker_main(
        ["--quiet", "worker", "--loglevel=INFO", f"--concurrency={concurrency}", "--without-mingle"]
    )


def beat() -> None:
    """Run the Celery beat. The schedule is code, so it keeps no file (Celery's own is a pickle)."""
    app = _celery()
    app.amqp  # noqa: B018 - imported now: a signal while Celery imports it late would end in a traceback
    app.start(["--quiet", "beat", "--loglevel=INFO", "--scheduler=celery.beat:Scheduler", "--pidfile="])


def _celery() -> Any:
    """The Celery app an installed service names. One process runs one; two services would share it."""
    settings().require_safe()
    for point in entry_points(group="ussd_engine.tasks"):
        return point.load()
    raise SettingsError("No installed service has background tasks.")
