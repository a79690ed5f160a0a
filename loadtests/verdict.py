"""Whether a run was good enough: what was measured beside what the mix asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SLOWEST = 5  # kinds of turns in the table
MOST_FAULTS = 10


@dataclass(slots=True, frozen=True)
class Limits:
    """What a run must keep. failed: a share of 1; p95_ms, p99_ms: at most; turns_per_s: at least."""

    failed: float
    p95_ms: float
    p99_ms: float
    turns_per_s: float = 0.0


@dataclass(slots=True, frozen=True)
class Measured:
    """What a run came to. turns: all requests; failed: those without a right answer; crashes: faults of
    the load test itself."""

    turns: int
    failed: int
    p95_ms: float
    p99_ms: float
    turns_per_s: float
    crashes: int = 0


@dataclass(slots=True, frozen=True)
class Turns:
    """All turns of one kind, such as those typed at one screen."""

    name: str
    turns: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(slots=True, frozen=True)
class Finding:
    """One limit, what was measured, and whether that is within."""

    what: str
    limit: str
    measured: str
    ok: bool


def judge(limits: Limits, measured: Measured) -> list[Finding]:
    """Every limit. A run without a single turn keeps none of them."""
    some = measured.turns > 0
    failed = measured.failed / measured.turns if some else 0.0
    findings = [
        Finding("turns", "1 at least", f"{measured.turns:,}", some),
        Finding(
            "failed turns",
            f"{limits.failed:.2%} at most",
            f"{measured.failed:,} ({failed:.2%})",
            some and failed <= limits.failed,
        ),
        _within("95 of 100 within", limits.p95_ms, measured.p95_ms, some),
        _within("99 of 100 within", limits.p99_ms, measured.p99_ms, some),
        Finding(
            "turns a second",
            f"{limits.turns_per_s:.1f} at least",
            f"{measured.turns_per_s:.1f}",
            some and measured.turns_per_s >= limits.turns_per_s,
        ),
    ]
    if measured.crashes:
        findings.append(Finding("faults of the load test", "none", str(measured.crashes), False))
    return findings


def passed(findings: Sequence[Finding]) -> bool:
    """Whether all limits were kept."""
    return all(finding.ok for finding in findings)


def table(
    mix: str,
    findings: Sequence[Finding],
    turns: Sequence[Turns],
    faults: Mapping[str, int],
    calls: Mapping[str, Mapping[str, int]],
) -> str:
    """The verdict as text. faults: how often each came; calls: how often each end of a journey did."""
    rows: list[tuple[str, ...]] = [("", "asked", "measured", "")]
    rows += [(f.what, f.limit, f.measured, "ok" if f.ok else "NOT OK") for f in findings]
    lines = _columns(rows)
    if faults:
        often = sorted(faults.items(), key=lambda fault: -fault[1])[:MOST_FAULTS]
        lines += ["", *_columns([("times", "fault"), *((str(times), fault) for fault, times in often)])]
    slowest = sorted(turns, key=lambda row: -row.p95_ms)[:SLOWEST]
    if slowest:
        rows = [("slowest answers", "turns", "half within", "95 of 100", "99 of 100")]
        rows += [(r.name, f"{r.turns:,}", _ms(r.p50_ms), _ms(r.p95_ms), _ms(r.p99_ms)) for r in slowest]
        lines += ["", *_columns(rows)]
    if calls:
        ends = sorted({end for counts in calls.values() for end in counts})
        rows = [("calls", *ends)]
        rows += [(name, *(str(calls[name].get(end, 0)) for end in ends)) for name in sorted(calls)]
        lines += ["", *_columns(rows)]
    word = "PASSED" if passed(findings) else "FAILED"
    return "\n".join([f"{mix}: {word}", "", *lines])


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _within(what: str, limit_ms: float, measured_ms: float, some: bool) -> Finding:
    return Finding(what, _ms(limit_ms), _ms(measured_ms), some and measured_ms <= limit_ms)


def _ms(ms: float) -> str:
    return f"{ms:,.0f} ms"
