"""A server under load, and what was measured of it."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from loadtests.bench.dialogs import Answers, Plan, Script
from loadtests.bench.load import Sample, measure
from loadtests.bench.machine import Cores

_DIALOGS_A_RUN = 500_000  # more than a run can start, so no two runs share a session


@dataclass(slots=True)
class Subject:
    """name is said on the command line, key in the JSON, label in the table; pid is the server's.

    store is the process of its Redis or PostgreSQL. dialogs is how many wait for their phones' next input.
    """

    name: str
    key: str
    label: str
    port: int
    pid: int
    store: int
    scripts: tuple[Script, ...]
    client: Callable[[Plan], Answers]
    dialogs: int
    memory_mb: float = 0.0
    samples: list[Sample] = field(default_factory=list)

    def middle(self, value: Callable[[Sample], float]) -> float:
        """The median of the repeats."""
        return statistics.median(value(sample) for sample in self.samples)


@dataclass(slots=True)
class Numbers:
    """Hands out the numbers of dialogs, so that no two runs share a session."""

    next: int = _DIALOGS_A_RUN

    def take(self, dialogs: int = 0) -> int:
        """The number before the first dialog of a run that begins at most so many."""
        first = self.next
        self.next += max(dialogs, _DIALOGS_A_RUN)
        return first


def ask(subject: Subject, seconds: int, connections: int, numbers: Numbers, pinned: Cores) -> Sample:
    """Load the subject for so long, and account for it."""
    plan = Plan(subject.port, seconds, connections, subject.scripts, numbers.take(), subject.dialogs)
    return measure(subject.client, plan, pinned, subject.pid, subject.store)
