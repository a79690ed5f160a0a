"""Locust drives the phone lines of `calls`: python -m loadtests starts it, and any Locust command can.

    locust -f loadtests/locustfile.py --mix salary_day --host http://127.0.0.1:8000

Rules: importing locust patches the standard library for gevent, so nothing but Locust imports this file.
A host may be several, by commas; a call changes between them as the mix says. Nothing that was typed
is printed or kept, for it may be a PIN.
"""

import contextlib
import functools
import html
import logging
import random
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, LoadTestShape, events, task
from locust.argument_parser import LocustArgumentParser
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import StopTest
from locust.runners import MasterRunner, WorkerRunner
from locust.stats import StatsEntry

from loadtests import shape, verdict
from loadtests.calls import Crowd, Line, Pause, Send, Tally
from loadtests.journeys import Journeys, read_journeys
from loadtests.mix import Mix, file_of, read_mix
from loadtests.oracle import WrongAnswer
from loadtests.people import Strangers, first_now, leave

CONNECT_S, ANSWER_S = 10.0, 15.0  # Africa's Talking gives up then
LAST_WORDS_S = 20.0  # workers report every three seconds, later when they are busy
MOST_SPAWNED = 100  # lines a second; Locust warns of more
MOST_WRONG_KEPT = 50  # screens, of each process
WRONG_FILE = "wrong-screens.txt"

log = logging.getLogger("loadtests")


@functools.cache
def journeys() -> Journeys:
    """What people call for; read once a process."""
    return read_journeys()


def mix_of(options: Namespace) -> Mix:
    """The mix these options ask for."""
    return _mix(options.mix, options.peak, options.length)


@functools.cache
def _mix(name: str, peak: int | None, length: float | None) -> Mix:
    return read_mix(file_of(name), list(journeys().by_name)).scaled(peak, length)


@dataclass
class Process:
    """What the lines of this process share. tally: how calls ended; the master's is everybody's, and so
    is next: the number after the last person who called. silent: workers that have more to tell."""

    people: Strangers
    crowd: Crowd | None = None
    report: Path | None = None
    tally: Tally = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    next: int = 0
    wrong: int = 0


_process = Process(Strangers(0, 0, 1, random.Random()))  # until a run begins


# -- the phone lines ---------------------------------------------------------------------------


class Caller(FastHttpUser):
    """One phone line."""

    connection_timeout = CONNECT_S
    network_timeout = ANSWER_S

    def on_start(self) -> None:
        """A line, and a connection to each server; with one server, two connections to it."""
        self.hosts = [host.strip().rstrip("/") for host in str(self.host).split(",")]
        count = max(2, len(self.hosts))
        self.sessions = [
            FastHttpSession(
                base_url=self.hosts[index % len(self.hosts)], request_event=self.environment.events.request,
                user=self, connection_timeout=CONNECT_S, network_timeout=ANSWER_S, max_retries=0,
            )
            for index in range(count)
        ]  # fmt: skip
        self.mix = mix_of(self.environment.parsed_options)
        assert _process.crowd is not None
        self.line = Line(journeys(), self.mix, _process.crowd, count, random.Random())

    @task
    def call(self) -> None:
        """One call, and then nothing until it is time for the next."""
        started = time.monotonic()
        with contextlib.closing(self.line.call()) as call:
            for step in call:
                if isinstance(step, Pause):
                    gevent.sleep(step.seconds)
                else:
                    self._send(step)
        _add(_process.tally, self.line.tally)
        self.line.tally = {}
        again = self.mix.pace_s * random.uniform(0.5, 1.5)
        gevent.sleep(max(0.0, again - (time.monotonic() - started)))

    def on_stop(self) -> None:
        """The shape needs fewer lines."""
        self.line.close()

    def _send(self, send: Send) -> None:
        first, *copies = [self.sessions[server] for server in send.servers]
        others = [gevent.spawn(self._post, session, send) for session in copies]
        self._post(first, send)
        gevent.joinall(others)

    def _post(self, session: FastHttpSession, send: Send) -> None:
        method, path, body, headers = send.gateway.request(send.form)
        with session.request(
            method, path, data=body, headers=headers, name=send.name, catch_response=True
        ) as answer:
            answer.request_meta["request_type"] = send.kind
            if answer.status_code != 200:
                fault = answer.request_meta["exception"]
                answer.failure(
                    f"HTTP {answer.status_code}" if answer.status_code else f"no answer: {fault!r}"
                )
                return
            try:
                said = (answer.content or b"").decode(errors="replace")
                send.check(send.gateway.heard(said, answer.headers))
            except WrongAnswer as wrong:
                answer.failure(wrong.kind)
                self._keep(wrong, send)

    def _keep(self, wrong: WrongAnswer, send: Send) -> None:
        """The screens of the first wrong answers, in a file of the report, the very first on the terminal."""
        _process.wrong += 1
        if _process.wrong > MOST_WRONG_KEPT:
            return
        who = self.line.who.person.masked if self.line.who else "somebody"
        text = f"{send.kind} in {send.name!r}, phone {who}: {wrong.kind}\n{wrong}\n"
        if _process.wrong == 1:
            log.error("the first wrong answer: %s", text)
        if _process.report is not None:
            with (_process.report / WRONG_FILE).open("a", encoding="utf-8") as file:
                file.write(text + "\n")


class Shape(LoadTestShape):
    """The mix's phases; a change of up to MOST_SPAWNED lines is made within a second."""

    phase = ""

    def tick(self) -> tuple[int, float] | None:
        """Lines now, and how many may begin or end a second."""
        assert self.runner is not None
        now = shape.at(mix_of(self.runner.environment.parsed_options).phases, self.get_run_time())
        if now is None:
            return None
        phase, lines = now
        if phase.name != self.phase:
            self.phase = phase.name
            print(f"{self.get_run_time():6.0f} s  {phase.name}: {_lines(phase)}", flush=True)
        return lines, float(min(MOST_SPAWNED, max(1, abs(lines - self.get_current_user_count()))))


def _lines(phase: shape.Phase) -> str:
    slope = "" if phase.first == phase.last else f"{phase.first} to "
    return f"{slope}{phase.last} lines for {phase.seconds:.0f} s"


# -- around the run ----------------------------------------------------------------------------


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """The options of our own. They reach remote workers with the order to begin."""
    add = functools.partial(parser.add_argument, include_in_web_ui=False)
    add("--mix", default="quick", help="a name of loadtests/mixes, or the path of a .yaml file")
    add("--peak", type=int, default=None, help="scale the shape to this many lines at its peak")
    add("--length", type=float, default=None, help="scale the shape to this many seconds")
    add("--first-person", type=int, default=None, help="number of the first caller; else by the clock")
    add("--report", default="", help=f"folder for {WRONG_FILE} and verdict.txt")


@events.test_start.add_listener
def begin(environment: Environment, **_: Any) -> None:
    """Strangers for this run: the master says from where, each worker takes every n-th."""
    global _process  # noqa: PLW0603 - Locust's events and users meet here only
    options, runner = environment.parsed_options, environment.runner
    place = 0
    if isinstance(runner, WorkerRunner):
        place = runner.worker_index
        if place >= options.places:
            raise StopTest(
                f"This worker is number {place + 1}, and the run began with fewer. Begin it again."
            )
    else:
        options.first = first_now() if options.first_person is None else options.first_person
        # Twice as many as there are: one that joins or comes back late gets a place too.
        options.places = 2 * runner.worker_count if isinstance(runner, MasterRunner) else 1
    folder = Path(options.report) if options.report else None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        if not isinstance(runner, WorkerRunner):
            (folder / WRONG_FILE).unlink(missing_ok=True)
    strangers = Strangers(options.first, place, options.places, random.Random())
    crowd = Crowd(journeys(), strangers, random.Random())
    _process = Process(strangers, crowd, folder, next=options.first)


@events.report_to_master.add_listener
def tell(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001 - Locust passes it by name
    """How calls ended in this worker since it last told, and whom it calls next."""
    data["next"] = _process.people.next
    data["calls"], _process.tally = {name: dict(ends) for name, ends in _process.tally.items()}, {}


@events.worker_report.add_listener
def hear(client_id: str, data: dict[str, Any]) -> None:
    """The same, at the master. A worker without lines has told all."""
    if data.get("user_count") == 0:
        _process.silent.discard(client_id)
    _process.next = max(_process.next, data.get("next", 0))
    _add(_process.tally, data.get("calls", {}))


@events.test_stop.add_listener
def collect(environment: Environment, **_: Any) -> None:
    """Let every worker tell of its last seconds: they count for the verdict. At the end of a shape Locust
    would give them half a second, and they have not even been told to stop. Then keep who calls next: in
    the browser another run may begin."""
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        return
    if not isinstance(runner, MasterRunner):
        leave(_process.people.next)
        return
    _process.silent = {worker.id for worker in runner.clients.all}
    runner.send_message("stop")
    deadline = time.monotonic() + LAST_WORDS_S
    while _process.silent and time.monotonic() < deadline:
        gevent.sleep(0.1)
    leave(_process.next + environment.parsed_options.places)


@events.quitting.add_listener
def decide(environment: Environment, **_: Any) -> None:
    """The exit code: 0 when the mix's limits were kept. Locust asks for it before it stops a run that goes
    on, as after Ctrl-C in the terminal of --web; the last turns are to count."""
    runner = environment.runner
    if runner is None or isinstance(runner, WorkerRunner):
        return
    runner.stop()
    findings = verdict.judge(mix_of(environment.parsed_options).limits, _measured(environment))
    environment.process_exit_code = 0 if verdict.passed(findings) else 1


@events.quit.add_listener
def say(exit_code: int) -> None:  # noqa: ARG001 - Locust passes it by name
    """The verdict, below Locust's own tables."""
    if _verdict is not None:
        print(_verdict(), flush=True)


_verdict: Any = None


@events.init.add_listener
def prepare(environment: Environment, **_: Any) -> None:
    """Remember whose verdict it is; a worker has none."""
    global _verdict  # noqa: PLW0603 - Locust's last event does not say whose it is
    if environment.parsed_options is not None and environment.parsed_options.report:
        # Locust's own tables are in the report; the terminal shows the verdict.
        logging.getLogger("locust.stats_logger").setLevel(logging.WARNING)
    if not isinstance(environment.runner, WorkerRunner):
        _verdict = functools.partial(_told, environment)


def _told(environment: Environment) -> str:
    """The verdict, also written into the report: as text, and above Locust's page, which is there by now."""
    mix, stats = mix_of(environment.parsed_options), environment.stats
    turns = [
        verdict.Turns(f"{row.method} {row.name}", row.num_requests, *_percentiles(row, 0.5, 0.95, 0.99))
        for row in stats.entries.values()
        if row.num_requests
    ]
    faults = {
        f"{fault.method} {fault.name}: {fault.error}": fault.occurrences for fault in stats.errors.values()
    }
    findings = verdict.judge(mix.limits, _measured(environment))
    text = verdict.table(mix.name, findings, turns, faults, _process.tally)
    options = environment.parsed_options
    if options.report:
        (Path(options.report) / "verdict.txt").write_text(text + "\n", encoding="utf-8")
    page = Path(options.html_file) if options.html_file else None
    if page is not None and page.is_file():
        above = f'<pre style="margin: 2em; font-size: 15px">{html.escape(text)}</pre>'
        written = page.read_text(encoding="utf-8")
        page.write_text(written.replace("<body>", f"<body>{above}", 1), encoding="utf-8")
    return text


def _measured(environment: Environment) -> verdict.Measured:
    total = environment.stats.total
    runner = environment.runner
    return verdict.Measured(
        total.num_requests,
        total.num_failures,
        *_percentiles(total, 0.95, 0.99),
        turns_per_s=total.total_rps,
        crashes=sum(fault["count"] for fault in runner.exceptions.values()) if runner is not None else 0,
    )


def _percentiles(row: StatsEntry, *shares: float) -> list[float]:
    return [float(row.get_response_time_percentile(share) or 0.0) for share in shares]


def _add(tally: Tally, more: Mapping[str, Mapping[str, int]]) -> None:
    for name, ends in more.items():
        tally.setdefault(name, Counter()).update(ends)
