"""Drives wrk with dialogs.lua."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from loadtests.bench import dialogs
from loadtests.bench.dialogs import FOLDER, Answers, Plan


def installed() -> bool:
    """Whether wrk is on PATH."""
    return shutil.which("wrk") is not None


def run(plan: Plan) -> Answers:
    """One run of wrk: one thread, on whatever core this process may use."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plan.lua")
        file.write_bytes(_lua(plan))
        url = f"http://{plan.host}:{plan.port}{dialogs.PATH}"
        result = subprocess.run(
            ["wrk", "-t1", f"-c{plan.connections}", f"-d{plan.seconds}s", "--timeout=10s",
             "-s", str(FOLDER / "dialogs.lua"), url, "--", str(file)],
            capture_output=True, text=True, check=False, timeout=plan.seconds + 30,
        )  # fmt: skip
    if result.returncode:
        raise RuntimeError(f"wrk failed: {result.stderr or result.stdout}")
    return _read(result.stdout)


def _read(output: str) -> Answers:
    found = dict(re.findall(r"^(\w+)=(.*)$", output, re.MULTILINE))
    if "right" not in found:
        raise RuntimeError(f"wrk said something else:\n{output}")
    return Answers(
        right=int(found["right"]),
        wrong=int(found["wrong"]) + int(found["errors"]),
        seconds=int(found["microseconds"]) / 1e6,
        p50_ms=int(found["p50_us"]) / 1e3,
        p99_ms=int(found["p99_us"]) / 1e3,
        example=found["example"],
    )


def _lua(plan: Plan) -> bytes:
    """The plan as a Lua table."""
    scripts = ",\n".join(
        "{"
        + ", ".join(f"{{text={_quoted(turn.text)}, expect={_quoted(turn.expect)}}}" for turn in script)
        + "}"
        for script in plan.scripts
    )
    return (
        f"return {{first={plan.first}, dialogs={plan.dialogs}, form_fixed={dialogs.form_fixed()},\n"
        f"head={_quoted(dialogs.head(plan))}, session={_quoted(dialogs.SESSION)},\n"
        f"phone={_quoted(dialogs.phone_field())}, form_head={_quoted(dialogs.FORM_HEAD)},\n"
        f"form_tail={_quoted(dialogs.FORM_TAIL)},\nscripts={{{scripts}}}}}\n"
    ).encode()


def _quoted(text: str) -> str:
    """A Lua string, every byte outside plain ASCII as an escape."""
    plain = set(range(32, 127)) - set(b'"\\')
    return '"' + "".join(chr(byte) if byte in plain else f"\\{byte:03d}" for byte in text.encode()) + '"'
