"""What the turn bench says: values, ratios, the table and its notes, from what was measured."""

import statistics
from typing import Any

from loadtests.bench.dialogs import Answers
from loadtests.bench.report import spread
from loadtests.bench.subject import Subject

_NOISE = 0.05
_FULL = 0.95
_HEADING = (
    "", "per second", "min", "max", "of it", "by CPU", "p50 ms", "p99 ms", "CPU us", "server", "client",
    "store", "MB",
)  # fmt: skip


def values(subjects: list[Subject], exact: Answers, step_us: list[float]) -> dict[str, Any]:
    """The medians under their names, and what they were made of. The engine is the first subject."""
    engine = subjects[0]
    spreads = {subject.key: spread([sample.per_s for sample in subject.samples]) for subject in subjects}
    rates = {subject.key: round(subject.middle(lambda sample: sample.per_s)) for subject in subjects}
    return {
        **rates,
        "p50_ms": round(engine.middle(lambda sample: sample.p50_ms), 3),
        "p99_ms": round(engine.middle(lambda sample: sample.p99_ms), 3),
        "server_cpu_us_per_turn": round(_cpu_us(engine), 2),
        "step_us": round(statistics.median(step_us), 3),
        **_ratios(subjects),
        **_limit(subjects),
        "cpu_us_per_request": {subject.key: round(_cpu_us(subject), 2) for subject in subjects},
        "memory_mb": {subject.key: round(subject.memory_mb, 1) for subject in subjects},
        "busy": {subject.key: _busy(subject) for subject in subjects},
        "answers": _answers(subjects, exact),
        "spread": {**spreads, **_ratio_spreads(subjects), "step_us": spread(step_us, 3)},
    }


def rows(subjects: list[Subject], found: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table: one row for each subject."""
    engine = subjects[0]
    lines: list[tuple[str, ...]] = [_HEADING]
    for subject in subjects:
        between, busy = found["spread"][subject.key], found["busy"][subject.key]
        lines.append(
            (
                subject.label,
                f"{found[subject.key]:,}",
                f"{between['min']:,.0f}",
                f"{between['max']:,.0f}",
                f"{_by_rate(engine, subject):.2f}",
                f"{_by_cpu(engine, subject):.2f}",
                f"{subject.middle(lambda sample: sample.p50_ms):.2f}",
                f"{subject.middle(lambda sample: sample.p99_ms):.2f}",
                f"{found['cpu_us_per_request'][subject.key]:.1f}",
                *(f"{busy[who]:.0%}" for who in ("server", "client", "store")),
                f"{subject.memory_mb:.0f}",
            )
        )
    return lines


def notes(subjects: list[Subject], found: dict[str, Any]) -> list[str]:
    """How to read the table, and what was not as it should be."""
    answers = found["answers"]
    said = [
        "'of it': the engine's rate over the row's; 'by CPU': the row's CPU time a request over the engine's."
        " CPU us and MB: of the server, without its store. Busy: of one core.",
        f"one step of the menu machine: {found['step_us']} us",
        f"client: {found['client']}, one thread, {found['connections']} connections",
        f"answers: {answers['right']:,} right, {answers['wrong']} wrong; and each against its own request:"
        f" {answers['checked_exactly']:,} right, {answers['checked_exactly_wrong']} wrong",
    ]
    said += [f"{name} is left out. {reason}" for name, reason in found["left_out"].items()]
    said += _waiting(subjects, found)
    noisy = [key for key, shares in found["busy"].items() if shares["noise"] > _NOISE]
    if noisy:
        said.append(f"Other programs used the server's core during: {', '.join(noisy)}. Run it again alone.")
    return said


def faults(subjects: list[Subject], exact: Answers) -> list[str]:
    """The wrong answers."""
    said = [
        f"{subject.name}: {sample.wrong} wrong answers, the first: {sample.example}"
        for subject in subjects
        for sample in subject.samples
        if sample.wrong
    ]
    if exact.wrong:
        said.append(
            f"{subjects[0].name}, checked exactly: {exact.wrong} wrong answers, the first: {exact.example}"
        )
    return said


def _cpu_us(subject: Subject) -> float:
    return subject.middle(lambda sample: sample.server_cpu_us)


def _by_rate(engine: Subject, rival: Subject) -> float:
    return engine.middle(lambda sample: sample.per_s) / rival.middle(lambda sample: sample.per_s)


def _by_cpu(engine: Subject, rival: Subject) -> float:
    return _cpu_us(rival) / _cpu_us(engine)


def _ratios(subjects: list[Subject]) -> dict[str, float]:
    """of_NAME: the engine's rate over that one's. of_NAME_by_cpu: that one's CPU time over the engine's."""
    engine, *rivals = subjects
    by_rate = {_ratio(rival): round(_by_rate(engine, rival), 3) for rival in rivals}
    by_cpu = {f"{_ratio(rival)}_by_cpu": round(_by_cpu(engine, rival), 3) for rival in rivals}
    return by_rate | by_cpu


def _ratio_spreads(subjects: list[Subject]) -> dict[str, dict[str, float]]:
    """Of the ratios of each round."""
    engine, *rivals = subjects
    return {
        _ratio(rival): spread(
            [ours.per_s / theirs.per_s for ours, theirs in zip(engine.samples, rival.samples, strict=True)], 3
        )
        for rival in rivals
    }


def _ratio(subject: Subject) -> str:
    return f"of_{subject.name.replace('-', '_')}"


def _limit(subjects: list[Subject]) -> dict[str, float]:
    """What the do-nothing server could answer if the client could ask it: a fairer limit than its rate."""
    engine = subjects[0]
    limit = next((subject for subject in subjects if subject.name == "limit"), None)
    if limit is None:
        return {}
    by_cpu = 1e6 / _cpu_us(limit)
    return {
        "limit_by_cpu_per_s": round(by_cpu),
        "of_limit": round(engine.middle(lambda sample: sample.per_s) / by_cpu, 3),
        "client_max_per_s": round(limit.middle(lambda sample: sample.per_s)),
    }


def _busy(subject: Subject) -> dict[str, float]:
    """Shares of one core over the run: server, client, store, and others on the server's core."""
    return {
        "server": round(subject.middle(lambda sample: sample.server_busy), 2),
        "client": round(subject.middle(lambda sample: sample.client_busy), 2),
        "store": round(subject.middle(lambda sample: sample.redis_busy), 2),
        "noise": round(subject.middle(lambda sample: sample.noise), 2),
    }


def _answers(subjects: list[Subject], exact: Answers) -> dict[str, int]:
    samples = [sample for subject in subjects for sample in subject.samples]
    return {
        "right": sum(sample.right for sample in samples),
        "wrong": sum(sample.wrong for sample in samples),
        "checked_exactly": exact.right,
        "checked_exactly_wrong": exact.wrong,
    }


def _waiting(subjects: list[Subject], found: dict[str, Any]) -> list[str]:
    """Who was not busy all the time, so that its row says less than it can do."""
    said = []
    for subject in subjects:
        busy = found["busy"][subject.key]
        if busy["server"] + busy["noise"] >= _FULL:
            continue
        words = f"{subject.name} was {busy['server']:.0%} busy: it waited for the client or its store."
        if subject.name == "limit":
            words += f" By its CPU time it could answer {found['limit_by_cpu_per_s']:,}/s."
        said.append(words)
    return said
