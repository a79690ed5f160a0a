"""`ussd watch`: a saved menu file is live a moment later, and a broken one is told with its findings.

It asks the folder twice a second for names, sizes and times: no file of a menu folder is large, and asking
works on every file system, also those that send no events. What does not check is not published, so the
last good version goes on. The same news goes to the phone pages of the development server.
"""

import asyncio
import contextlib
import signal
from pathlib import Path

from ussd_engine.bundles import Bundles, bundle_name
from ussd_engine.commands.menus import findings
from ussd_engine.errors import MenuError, StoreError
from ussd_engine.menu import check_sources, read_sources
from ussd_engine.observe.board import Board
from ussd_engine.phone.reloads import Reload, findings_of, tell_phones
from ussd_engine.settings import settings

INTERVAL_S = 0.5

Snapshot = dict[Path, tuple[int, int]]


def watch() -> None:
    """Publish what is new now, then whatever changes, until a signal."""
    asyncio.run(_watch(settings().menus_dir))


async def _watch(menus: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    bundles = await Bundles.open(settings(), Board(), follow=False)
    try:
        seen: dict[Path, Snapshot] = {}
        broken: set[Path] = set()
        while not stop.is_set():
            for folder in sorted({*_folders(menus), *seen}):  # one that lost its service.yaml too
                now = _snapshot(folder)
                if now != seen.get(folder):
                    seen[folder] = now
                    await _publish(bundles, folder, broken)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), INTERVAL_S)
    finally:
        await bundles.close()


def _folders(menus: Path) -> list[Path]:
    return sorted(file.parent for file in menus.glob("*/service.yaml"))


def _snapshot(folder: Path) -> Snapshot:
    found: Snapshot = {}
    for path in folder.rglob("*.yaml"):
        with contextlib.suppress(FileNotFoundError):  # an editor replaces a file by renaming another
            status = path.stat()
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


async def _publish(bundles: Bundles, folder: Path, broken: set[Path]) -> None:
    """Make a changed folder live, or say why not. broken: those that could not be, the last time."""
    try:
        await bundles.refresh()
        sources = read_sources(folder)
        name = bundle_name(sources)
        if name not in {bundle.name for bundle in bundles.live().values()}:
            checked = check_sources(sources)
            if not checked.ok:
                raise MenuError(findings(folder, checked))
            await bundles.publish(sources, "ussd dev", "saved")
        elif folder not in broken:
            return
    except MenuError as error:
        broken.add(folder)
        print(f"{error}\n{folder} is not reloaded; the last good version goes on.", flush=True)
        await _tell(Reload(ok=False, findings=findings_of(str(error))))
    except (StoreError, OSError) as error:
        print(f"{folder} could not be published: {error}", flush=True)
    else:
        broken.discard(folder)
        print(f"{folder}: {name} is live for new sessions", flush=True)
        await _tell(Reload(ok=True, bundle=name))


async def _tell(reload: Reload) -> None:
    """The phone pages show it too."""
    await tell_phones(f"http://{settings().host}:{settings().port}", reload)
