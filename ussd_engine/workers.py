"""`ussd serve --workers N`: equal web servers on one port, kept running, replaced without losing a caller.

Rules:

1. Each place has listening sockets of its own, which stay open here. Whoever waits in their queues is
   served by the next process in that place.
2. A new process takes callers only when everything in it is loaded. In a reload that means all of them:
   if one fails, the new ones end, and the old ones have never stopped serving.
3. A process that dies is started again, later each time. One that dies soon after its start again and
   again ends everything: something is wrong that another start does not mend.
4. SIGHUP reloads: new processes, with settings and code read anew. SIGUSR1 tells what each one uses.
   SIGTERM and SIGINT ask all to finish; those that have not after `stop_s` are killed. Again: at once.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ussd_engine.errors import UssdError
from ussd_engine.observe.logs import get_logger
from ussd_engine.observe.usage import Usage, usage_of
from ussd_engine.observe.workers import WorkersMetrics
from ussd_engine.place import cores, listening_sockets
from ussd_engine.processes import how_it_ended
from ussd_engine.systemd import notify
from ussd_engine.worker import Command, Slot, Worker

log = get_logger("ussd.workers")

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 10.0
STEADY_S = 10.0  # one that served this long starts again without delay
MOST_FAILURES = 5
MEASURE_S = 5.0  # 1 to 2 ms of processor time for each process
AT_ONCE = 4  # a reload starts one of so many at a time: the old ones need the processors


@dataclass(slots=True, frozen=True)
class Options:
    """What is read at the start, and again at each reload.

    retire_s, stop_s: how long a replaced process may take, and one that is asked to stop. max_rss: bytes;
    0: no limit.
    """

    host: str
    port: int
    retire_s: float
    stop_s: float
    pin: bool = False
    max_rss: int = 0


class Workers:
    """The supervisor of `count` processes."""

    def __init__(self, count: int, command: Command, read: Callable[[], Options]) -> None:
        """read: gives the options as they are now. Raises UssdError when the port cannot be had."""
        self._command = command
        self._read = read
        self._options = read()
        sockets = listening_sockets(self._options.host, self._options.port, count)
        self._slots = [Slot(number, held) for number, held in enumerate(sockets, 1)]
        self._alive: set[Worker] = set()
        self._started = 0
        self._metrics = WorkersMetrics()
        self._end: asyncio.Future[None]
        self._tasks: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()  # the start, a reload, a replacement: one at a time
        self._reload_waits = False

    @property
    def port(self) -> int:
        """The port that was taken."""
        number: int = self._slots[0].sockets[0].getsockname()[1]
        return number

    async def run(self) -> None:
        """Serve until a signal. Raises UssdError when it cannot go on."""
        self._end = asyncio.get_running_loop().create_future()
        with self._signals():
            try:
                self._spawn(self._begin())
                await self._end
            finally:
                await self._finish()

    # -- start, reload, replacement -------------------------------------------------------------

    async def _begin(self) -> None:
        async with self._changing:
            fresh = await self._start_all(self._slots, "start", len(self._slots), self._options)
            for worker, problems in fresh.items():
                self._serve(worker, problems)
        self._tell()
        notify("READY=1")
        self._spawn(self._keep_measuring())

    async def _reload(self) -> None:
        if self._reload_waits:
            return  # that one will read what is new for this one too
        self._reload_waits = True
        async with self._changing:
            self._reload_waits = False
            began = time.monotonic()
            notify("RELOADING=1", f"MONOTONIC_USEC={int(began * 1e6)}")
            try:
                options = self._fresh_options()
                await self._replace(self._slots, "reload", options)
            except UssdError as error:
                self._metrics.cells.reloads.labels("failed").inc()
                self._measure()
                log.error("reload failed; the workers that are there go on", why=str(error))
            else:
                self._metrics.cells.reloads.labels("done").inc()
                self._options = options
                log.info("reloaded", seconds=round(time.monotonic() - began, 3))
                self._tell()
            notify("READY=1")

    def _fresh_options(self) -> Options:
        options = self._read()
        if (options.host, options.port) != (self._options.host, self._options.port):
            log.warning("another address needs a restart", host=options.host, port=options.port)
        return options

    async def _replace_one(self, slot: Slot, rss: int) -> None:
        if self._changing.locked():
            return  # the next measurement will find it again
        async with self._changing:
            log.warning("worker above its limit of memory: replacing it", worker=slot.number,
                        rss_mb=rss >> 20, most_mb=self._options.max_rss >> 20)  # fmt: skip
            try:
                await self._replace([slot], "memory", self._options)
            except UssdError as error:
                log.error("no replacement; the worker that is there goes on", why=str(error))

    async def _replace(self, slots: Sequence[Slot], why: str, options: Options) -> None:
        """Put new processes in these places. Raises UssdError, with nothing changed, when one fails."""
        fresh = await self._start_all(slots, why, max(1, len(slots) // AT_ONCE), options)
        wrong = [f"{worker} is not ready: {_listed(found)}" for worker, found in fresh.items() if found]
        if wrong:
            self._discard(fresh)
            raise UssdError("; ".join(wrong))
        for earlier in self._alive:
            if earlier.leaving:  # two reloads ago: no more patience with its quiet callers
                earlier.stop(options.stop_s)
        for worker in fresh:
            old = worker.slot.worker
            worker.serve()
            if old is not None:
                old.retire(options.retire_s + options.stop_s)

    async def _start_all(
        self, slots: Sequence[Slot], why: str, at_once: int, options: Options
    ) -> dict[Worker, dict[str, str]]:
        """New processes, loaded and with their problems. Raises UssdError, with none left, when one fails."""
        room = asyncio.Semaphore(at_once)
        fresh: dict[Worker, dict[str, str]] = {}

        async def start(slot: Slot) -> None:
            async with room:
                worker = await self._start(slot, why, options)
                fresh[worker] = {}
                fresh[worker] = await worker.until_ready()

        starting = [asyncio.create_task(start(slot)) for slot in slots]
        try:
            await asyncio.gather(*starting)
            for worker in fresh:  # one may have died while it waited for the others
                worker.require_alive(worker.process.returncode)
        except BaseException:
            for task in starting:
                task.cancel()
            await asyncio.wait(starting)
            self._discard(fresh)
            raise
        return fresh

    async def _start(self, slot: Slot, why: str, options: Options) -> Worker:
        self._started += 1
        name = f"{slot.number}-{self._started}"
        allowed = cores() if options.pin else []
        core = allowed[(slot.number - 1) % len(allowed)] if allowed else None
        metrics = str(self._metrics.file_of(name))
        worker = await Worker.start(slot, name, self._command, metrics, core)
        self._metrics.cells.starts.labels(str(slot.number), why).inc()
        self._alive.add(worker)
        self._spawn(self._watch(worker))
        return worker

    def _serve(self, worker: Worker, problems: dict[str, str]) -> None:
        """Let it serve although it has problems: they may go away, and it says so under /ready."""
        if problems:
            log.warning("worker serves, but is not ready", worker=worker.slot.number, why=_listed(problems))
        worker.serve()

    def _discard(self, workers: Iterable[Worker]) -> None:
        for worker in workers:
            worker.stop(self._options.stop_s)

    # -- the end of one --------------------------------------------------------------------------

    async def _watch(self, worker: Worker) -> None:
        code = await worker.ended()
        self._alive.discard(worker)
        self._metrics.fold(worker.name)
        slot = worker.slot
        if slot.worker is not worker:
            if worker.leaving and code == 0:
                log.info("worker left", worker=slot.number, pid=worker.process.pid)
            return
        slot.worker = None
        lived = time.monotonic() - worker.began
        log.error("worker died", worker=slot.number, pid=worker.process.pid, how=how_it_ended(code),
                  lived_s=round(lived, 1))  # fmt: skip
        slot.failures = 0 if lived > STEADY_S else slot.failures + 1
        await self._revive(slot, how_it_ended(code))

    async def _revive(self, slot: Slot, how: str) -> None:
        """Start one in place of a dead one. Raises UssdError when that is of no use."""
        while slot.worker is None:  # a reload may be quicker
            if slot.failures >= MOST_FAILURES:
                raise UssdError(
                    f"web {slot.number} ended {slot.failures} times in a row soon after its start; "
                    f"the last time it {how}. What it said is above."
                )
            if slot.failures:
                await asyncio.sleep(min(FIRST_DELAY_S * 2 ** (slot.failures - 1), LONGEST_DELAY_S))
            try:
                fresh = await self._start_all([slot], "died", 1, self._options)
            except UssdError as error:
                log.error("worker did not start again", worker=slot.number, why=str(error))
                slot.failures += 1
                how = "did not start"
                continue
            for worker, problems in fresh.items():
                if slot.worker is None:
                    self._serve(worker, problems)
                else:
                    worker.stop(self._options.stop_s)

    async def _finish(self) -> None:
        """Ask all to finish, and see to it that they do."""
        notify("STOPPING=1")
        watching = list(self._tasks)
        for task in watching:
            task.cancel()
        if watching:
            await asyncio.wait(watching)
        for held in (held for slot in self._slots for held in slot.sockets):
            held.close()  # who calls now is refused, and tries elsewhere
        self._discard(self._alive)
        ending = [asyncio.create_task(worker.ended()) for worker in self._alive]
        if ending:
            _, late = await asyncio.wait(ending, timeout=self._options.stop_s)
            for worker in self._alive if late else ():
                worker.kill()
            await asyncio.wait(ending)
        self._metrics.close()

    # -- what they use ---------------------------------------------------------------------------

    async def _keep_measuring(self) -> None:
        while True:
            self._measure()
            await asyncio.sleep(MEASURE_S)

    def _measure(self) -> list[tuple[Worker, Usage]]:
        """What each process uses now, on the page and against its limit."""
        used = [(worker, usage) for worker in self._alive if (usage := worker.usage()) is not None]
        shown = [(str(worker.slot.number), usage) for worker, usage in used]
        for worker, usage in used:
            self._metrics.cells.cpu.labels(str(worker.slot.number)).inc(usage.cpu_s - worker.cpu_s)
            worker.cpu_s = usage.cpu_s
            self._limit(worker, usage.rss)
            if worker.overdue:
                log.error("worker did not leave in time: killed", worker=worker.slot.number,
                          pid=worker.process.pid)  # fmt: skip
                worker.kill()
        ours = usage_of(os.getpid())
        if ours is not None:
            shown.append(("supervisor", ours))
        self._metrics.show(shown)
        together = sum(usage.pss for _, usage in shown) >> 20
        notify(f"STATUS={len(used)} workers on port {self.port}, {together} MB together")
        return used

    def _limit(self, worker: Worker, rss: int) -> None:
        most = self._options.max_rss
        if not most or rss <= most or worker.leaving or worker.slot.worker is not worker:
            return
        if worker.fresh_rss > most:
            if worker.spared:
                return
            worker.spared = True
            log.warning("a worker needs more memory than its limit from its start: not replaced",
                        worker=worker.slot.number, rss_mb=rss >> 20, most_mb=most >> 20)  # fmt: skip
            return
        self._spawn(self._replace_one(worker.slot, rss))

    def _tell(self) -> None:
        """A line for each process and one for all, and the page up to date; what SIGUSR1 asks for."""
        used = self._measure()
        for worker, usage in sorted(used, key=lambda one: (one[0].slot.number, one[0].began)):
            log.info("worker", worker=worker.slot.number, pid=worker.process.pid, state=worker.state,
                     up_s=round(time.monotonic() - worker.began, 1), cpu_s=round(usage.cpu_s, 2),
                     **usage.megabytes())  # fmt: skip
        ours = usage_of(os.getpid())
        serving = sum(slot.worker is not None for slot in self._slots)
        log.info("supervisor", port=self.port, pid=os.getpid(), serving=serving, of=len(self._slots),
                 **(ours.megabytes() if ours is not None else {}))  # fmt: skip

    # -- signals and tasks -----------------------------------------------------------------------

    def stop(self) -> None:
        """Ask all to finish; asked again, kill."""
        if self._end.done():
            for worker in self._alive:
                worker.kill()
        else:
            self._end.set_result(None)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        does: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGHUP: lambda: self._spawn(self._reload()),
            signal.SIGUSR1: self._tell,
        }
        for number, action in does.items():
            loop.add_signal_handler(number, action)
        try:
            yield
        finally:
            for number in does:
                loop.remove_signal_handler(number)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._end.done():  # it is too late to begin anything
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._end.done():
            self._end.set_exception(error)


def _listed(problems: dict[str, str]) -> str:
    return ", ".join(problems.values())
