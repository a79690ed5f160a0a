"""Express with ussd-menu-builder and ioredis, see server.js: the menus of the bench, in Node."""

import shutil
from pathlib import Path

from loadtests.rivals.rival import BUILT, FOLDER, Place, Rival, on_path, step

_HERE = FOLDER / "express"
_SERVER = _HERE / "server.js"
_LOCKED = (_HERE / "package.json", _HERE / "package-lock.json")


def _tools() -> str | None:
    return on_path("node", "nodejs") or on_path("npm", "npm")


def _install(folder: Path) -> None:
    for file in _LOCKED:
        shutil.copy(file, folder)
    step(["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], folder)


def _command(place: Place) -> list[str]:
    modules = BUILT / "express" / "node_modules"
    environment = ["NODE_ENV=production", f"NODE_PATH={modules}"]
    return ["env", *environment, "node", str(_SERVER), str(place.port), place.redis_socket]


RIVAL = Rival(
    name="express",
    key="express_per_s",
    label="Express + ussd-menu-builder + ioredis: the menus",
    command=_command,
    menus=True,
    tools=_tools,
    sources=_LOCKED,
    steps=_install,
)
