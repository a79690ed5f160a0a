"""What a rival says of itself: what it lacks here, how it is made ready, and how it is started.

What is made ready (a binary, node_modules, a virtual environment) goes to BUILT, which git ignores,
beside the digest of the files it was made from: when one of them changes, it has to be made again.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ussd_engine.errors import UssdError

FOLDER = Path(__file__).parent
BUILT = FOLDER.parent.parent / ".ussd" / "rivals"
_STAMP = "made-from"


@dataclass(slots=True, frozen=True)
class Place:
    """Where a rival runs: its port, its stores, and a folder for what it writes.

    redis_url is the URL of a unix socket. What the rival does not need may be "".
    """

    port: int
    redis_url: str = ""
    database_url: str = ""
    folder: Path = Path()

    @property
    def redis_socket(self) -> str:
        """The path of Redis's socket, for clients that take no URL."""
        return self.redis_url.removeprefix("unix://").partition("?")[0]


@dataclass(slots=True, frozen=True)
class Rival:
    """A server to compare with.

    name is what it is called on the command line, key its rate in the JSON, label its row in the table.
    menus: it answers with the screens of dialogs.yaml, else with CONSTANT. database: it needs PostgreSQL.
    command is what starts it. tools says in a sentence which tool is missing, and how to get it. steps make
    it of its sources in a folder; without steps there is nothing to make.
    """

    name: str
    key: str
    label: str
    command: Callable[[Place], list[str]]
    menus: bool = False
    database: bool = False
    tools: Callable[[], str | None] = lambda: None
    sources: tuple[Path, ...] = ()
    steps: Callable[[Path], None] | None = None

    @property
    def built(self) -> Path:
        """The folder of what is made ready."""
        return BUILT / self.name

    def missing(self) -> str | None:
        """Why it cannot be started here and what to do about it, else None."""
        return self.tools() or (self._unmade() if self.steps else None)

    def prepare(self) -> bool:
        """Make it ready; whether there was anything to do. Raises UssdError when a tool or a step fails."""
        if (lacking := self.tools()) is not None:
            raise UssdError(lacking)
        if self.steps is None or self._unmade() is None:
            return False
        shutil.rmtree(self.built, ignore_errors=True)
        self.built.mkdir(parents=True)
        self.steps(self.built)
        (self.built / _STAMP).write_text(self._digest(), encoding="ascii")
        return True

    def _unmade(self) -> str | None:
        stamp = self.built / _STAMP
        if not stamp.exists():
            return "It is not prepared. Run: make rivals"
        if stamp.read_text(encoding="ascii") != self._digest():
            return "Its sources changed since it was prepared. Run: make rivals"
        return None

    def _digest(self) -> str:
        together = hashlib.sha256()
        for source in self.sources:
            together.update(source.read_bytes())
        return together.hexdigest()


def on_path(program: str, package: str) -> str | None:
    """None when the program is on PATH, else what is missing."""
    found = shutil.which(program)
    return None if found else f"{program} is not on PATH. On Debian: apt-get install {package}"


def step(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    """Run one step in the folder. Raises UssdError with its last words when it fails."""
    line = ["env", *(f"{name}={value}" for name, value in (environment or {}).items()), *command]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        words = "\n".join(f"    {said}" for said in (done.stdout + done.stderr).splitlines()[-12:])
        raise UssdError(f"`{' '.join(command)}` failed; it may need a network. Its last words:\n{words}")
