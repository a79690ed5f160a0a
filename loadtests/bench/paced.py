"""Drives pace.c: requests on a timetable, or as fast as they are answered. Compiled when first needed.

Of the programs that Debian packages none does this: wrk sends real dialogs and keeps no rate, h2load, hey
and bombardier keep a rate and send one body. A client in Python is late by more than what is measured here.
"""

import hashlib
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench import dialogs
from loadtests.bench.dialogs import FOLDER, Answers, Plan
from ussd_engine.errors import UssdError

SOURCE = FOLDER / "pace.c"
BUILT = FOLDER.parent.parent / ".ussd" / "bench"
WARM_S = 1.0
_LOST_S = 10  # as in pace.c


@dataclass(slots=True, frozen=True)
class Timed:
    """What happened at a rate. Latencies count from when a request was due, in milliseconds.

    right and wrong are all replies, per_s the right ones a second without the first second. lag_ms is how
    late 99 of 100 requests were sent at most while a connection was free: the client's own share.
    """

    right: int
    wrong: int
    per_s: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    lag_ms: float
    example: str


def missing() -> str | None:
    """Why it cannot run here, else None."""
    if not sys.platform.startswith("linux"):
        return "pace.c needs Linux."
    compiler = _compiler()[0]
    return None if shutil.which(compiler) else f"{compiler} is not on PATH. On Debian: apt-get install gcc"


def run(plan: Plan) -> Answers:
    """One run as fast as the server answers, to the last reply: a slow server owes many at the end."""
    timed, elapsed = _drive(plan, 0.0, 0.0)
    return Answers(
        right=timed.right,
        wrong=timed.wrong,
        seconds=elapsed,
        p50_ms=timed.p50_ms,
        p99_ms=timed.p99_ms,
        example=timed.example,
    )


def at_rate(plan: Plan, per_s: float) -> Timed:
    """One run at this many requests a second, after a second that is not counted."""
    return _drive(plan, per_s, WARM_S)[0]


def program() -> Path:
    """pace, compiled. Raises UssdError when there is no compiler, or when it refuses."""
    if (lacking := missing()) is not None:
        raise UssdError(lacking)
    command = [*_compiler(), "-std=gnu11", "-O2", "-Wall", "-Wextra"]
    digest = hashlib.sha256(SOURCE.read_bytes() + " ".join(command).encode()).hexdigest()[:16]
    path = BUILT / f"pace-{digest}"
    if path.exists():
        return path
    BUILT.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    done = subprocess.run(
        [*command, "-o", str(partial), str(SOURCE), "-lm"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UssdError(f"{SOURCE.name} could not be compiled:\n{done.stderr}")
    return partial.rename(path)


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CC", "cc"))


def _drive(plan: Plan, per_s: float, warm_s: float) -> tuple[Timed, float]:
    with tempfile.NamedTemporaryFile(prefix="plan") as file:
        file.write(b"".join(_packed(plan)))
        file.flush()
        numbers = [plan.port, plan.connections, per_s, warm_s, plan.seconds, plan.first, plan.dialogs]
        done = subprocess.run(
            [str(program()), *map(str, numbers), file.name],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=plan.seconds + warm_s + _LOST_S + 30,
        )
    if done.returncode:
        raise RuntimeError(f"pace failed: {done.returncode}: {done.stderr or done.stdout}")
    return _read(done.stdout, plan.seconds)


def _read(output: str, seconds: float) -> tuple[Timed, float]:
    """What was counted, and the seconds to the last reply."""
    found = dict(re.findall(r"^(\w+)=(.*)$", output, re.MULTILINE))
    names = ("p50", "p90", "p99", "p999", "max")
    latencies = {f"{name}_ms": int(found[f"{name}_us"]) / 1e3 for name in names}
    timed = Timed(
        right=int(found["right"]),
        wrong=int(found["wrong"]),
        per_s=int(found["in_time"]) / seconds,
        lag_ms=int(found["lag_p99_us"]) / 1e3,
        example=found["example"],
        **latencies,
    )
    return timed, float(found["elapsed"])


def _packed(plan: Plan) -> Iterator[bytes]:
    """The plan as pace.c reads it: counts, and texts with their length before them."""
    yield _number(len(plan.scripts))
    for script in plan.scripts:
        yield _number(len(script))
        for turn in script:
            tail = dialogs.FORM_TAIL + turn.text
            length = dialogs.form_fixed() + len(tail)
            form = f"Content-Length: {length}\r\n\r\n{dialogs.FORM_HEAD}{dialogs.SESSION}"
            yield _text(dialogs.head(plan) + form)
            yield _text(dialogs.phone_field())
            yield _text(tail)
            yield _text(turn.expect)


def _number(value: int) -> bytes:
    return struct.pack("<I", value)


def _text(text: str) -> bytes:
    raw = text.encode()
    return _number(len(raw)) + raw
