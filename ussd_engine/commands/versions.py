"""`ussd publish`, `versions` and `rollback`, on the PostgreSQL and Redis of the settings."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from ussd_engine.bundles import Bundles
from ussd_engine.errors import UssdError
from ussd_engine.observe.board import Board
from ussd_engine.settings import settings

Result = TypeVar("Result")


def publish(folder: Path, note: str) -> None:
    """Check a folder and make it live."""
    if not folder.is_dir():
        raise UssdError(f"There is no folder {folder}.")
    bundle = _with_bundles(lambda bundles: bundles.publish_folder(folder, _who(), note))
    print(f"{bundle.service} {bundle.name} is live on {', '.join(bundle.codes)}.")


def versions(service: str) -> None:
    """Print the publications, newest first."""
    published = _with_bundles(lambda bundles: bundles.versions(service))
    if not published:
        print(f"Nothing of {service} is published yet. Publish a folder with: ussd publish menus/{service}")
        return
    print(f"{'version':14}{'published':27}{'by':16}{'sessions':>8}  note")
    for version in published:
        who = f"{version.name:14}{version.published_at:27}{version.published_by:16}"
        note = f"live  {version.note}" if version.live else version.note
        print(f"{who}{version.sessions or '':>8}  {note}".rstrip())


def rollback(service: str, version: str | None) -> None:
    """Make an older version live again."""
    bundle = _with_bundles(lambda bundles: bundles.rollback(service, version, _who()))
    print(f"{bundle.service} {bundle.name} is live again.")


def _with_bundles(work: Callable[[Bundles], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        bundles = await Bundles.open(settings(), Board(), follow=False)
        try:
            return await work(bundles)
        finally:
            await bundles.close()

    return asyncio.run(run())


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        return "unknown"
