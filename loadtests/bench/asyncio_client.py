"""The load generator for machines without wrk, and the one that checks each reply against its request.

Every connection walks one dialog at a time over a raw protocol: bytes out, bytes in, nothing parsed but
where the reply's head ends. `python -m loadtests.bench.asyncio_client` reads a plan on its input.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import cast

import uvloop

from loadtests.bench import dialogs
from loadtests.bench.dialogs import Answers, Plan, Turn

_LOST_S = 10.0


def run(plan: Plan) -> Answers:
    """One run in a process of its own, on whatever core this process may use."""
    result = subprocess.run(
        [sys.executable, "-m", "loadtests.bench.asyncio_client"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=False,
        timeout=plan.seconds + 30,
    )
    if result.returncode:
        raise RuntimeError(f"the asyncio client failed: {result.stderr[-2000:]}")
    return Answers(**json.loads(result.stdout))


class _Load:
    """What all connections share: the next dialog's number and the counts."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.number = plan.first
        self.right = 0
        self.wrong = 0
        self.example = ""
        self.took: list[float] = []
        self.open = True
        self.head = dialogs.head(plan)

    def dialog(self) -> Iterator[tuple[bytes, bytes]]:
        """The requests of the next dialog, each with the body it must get."""
        self.number += 1
        number = f"{self.number % 100_000_000:08d}"
        form = (
            f"{dialogs.FORM_HEAD}{dialogs.SESSION}{number}{dialogs.phone_field()}{number}{dialogs.FORM_TAIL}"
        )
        for turn in self.plan.scripts[self.number % len(self.plan.scripts)]:
            body = form + turn.text
            yield f"{self.head}Content-Length: {len(body)}\r\n\r\n{body}".encode(), turn.expect.encode()


class _Connection(asyncio.Protocol):
    """One connection of the gateway."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._dialog = load.dialog()
        self._expect = b""
        self._sent = 0.0
        self._got = b""
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._load.open:
            self._refused(f"connection lost: {exc}")
        self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """A whole reply, mostly; else the part so far is kept."""
        got = self._got + data if self._got else data
        end = got.find(b"\r\n\r\n")
        if end < 0 or len(got) - end - 4 < _length(got, end):
            self._got = got
            return
        self._got = b""
        self._load.took.append(time.perf_counter() - self._sent)
        if got[end + 4 :] == self._expect and got.startswith(b"HTTP/1.1 200"):
            self._load.right += 1
        else:
            self._refused(got[:300].decode(errors="replace"))
        if self._load.open:
            self._next()
        else:
            self._transport.close()

    def _next(self) -> None:
        request = next(self._dialog, None)
        if request is None:
            self._dialog = self._load.dialog()
            request = next(self._dialog)
        data, self._expect = request
        self._sent = time.perf_counter()
        self._transport.write(data)

    def _refused(self, what: str) -> None:
        """Count a wrong answer; its dialog makes no sense from here on."""
        self._load.wrong += 1
        self._load.example = self._load.example or f"wanted {self._expect.decode()!r}, got {what!r}"
        self._dialog = self._load.dialog()


def _length(reply: bytes, end: int) -> int:
    """The reply's Content-Length."""
    lower = reply[:end].lower()
    at = lower.find(b"content-length:")
    if at < 0:
        raise ValueError("a reply without Content-Length")
    return int(lower[at + 15 :].partition(b"\r")[0])


async def _run(plan: Plan) -> Answers:
    loop = asyncio.get_running_loop()
    load = _Load(plan)
    began = time.perf_counter()
    connections = [
        (await loop.create_connection(lambda: _Connection(load), plan.host, plan.port))[1]
        for _ in range(plan.connections)
    ]
    await asyncio.sleep(plan.seconds)
    load.open = False
    _, unanswered = await asyncio.wait([connection.lost for connection in connections], timeout=_LOST_S)
    took = sorted(load.took)
    return Answers(
        right=load.right,
        wrong=load.wrong + len(unanswered),
        seconds=time.perf_counter() - began,  # to the last reply: a slow server owes many at the end
        p50_ms=_at(took, 0.5) * 1e3,
        p99_ms=_at(took, 0.99) * 1e3,
        example=load.example,
    )


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def main() -> None:
    raw = json.load(sys.stdin)
    raw["scripts"] = tuple(tuple(Turn(**turn) for turn in script) for script in raw["scripts"])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answers = runner.run(_run(Plan(**raw)))
    json.dump(asdict(answers), sys.stdout)


if __name__ == "__main__":
    main()
