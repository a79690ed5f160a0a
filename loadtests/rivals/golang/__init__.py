"""Go's net/http with redigo, see main.go: built from what Debian packages, without a network.

One process with GOMAXPROCS=1, because it has one core to run on; with more, Go's threads fight for it.
"""

import os
import subprocess
from pathlib import Path

from loadtests.rivals.rival import BUILT, FOLDER, Place, Rival, on_path, step

_SOURCE = FOLDER / "golang" / "main.go"
_DEBIAN = "/usr/share/gocode"  # where Debian keeps Go's libraries
_REDIGO = "github.com/gomodule/redigo/redis"


def _environment() -> dict[str, str]:
    own = os.environ.get("GOPATH", str(Path.home() / "go"))
    return {"GO111MODULE": "off", "GOPATH": f"{own}:{_DEBIAN}", "CGO_ENABLED": "0"}


def _tools() -> str | None:
    if (lacking := on_path("go", "golang-go")) is not None:
        return lacking
    listing = ["go", "list", _REDIGO]
    listed = subprocess.run(listing, env=os.environ | _environment(), capture_output=True, check=False)
    if listed.returncode:
        return "redigo is not in GOPATH. On Debian: apt-get install golang-github-gomodule-redigo-dev"
    return None


def _build(folder: Path) -> None:
    step(["go", "build", "-o", str(folder / "server"), str(_SOURCE)], folder, _environment())


def _command(place: Place) -> list[str]:
    return ["env", "GOMAXPROCS=1", str(BUILT / "go" / "server"), str(place.port), place.redis_socket]


RIVAL = Rival(
    name="go",
    key="go_per_s",
    label="Go net/http + redigo: GET, SET",
    command=_command,
    tools=_tools,
    sources=(_SOURCE,),
    steps=_build,
)
