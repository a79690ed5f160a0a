"""What the lists bench writes: its tables, the figures on the handbook's page, the plans beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loadtests.bench import lists_kinds
from loadtests.bench.lists_asked import FILTERS
from loadtests.bench.lists_kinds import Kind

BEGINS, ENDS = "<!-- measured: begin -->", "<!-- measured: end -->"
PLANS = "list-plans.md"  # beside the page
GROUPS = {
    "one": "one filter or none, each sort",
    "pair": "two filters, each sort",
    "total": "a total",
    "deep": "`skip=10000`, 500 rows",
}

HEAD = """# Plans of the lists

What PostgreSQL did for one question of each filter of [the lists](lists.md), as `explain analyze` tells it,
without its costs and with two of many branches that are alike. `python -m loadtests.bench lists --docs` wrote
it; the values were drawn by chance.
"""


def by_list(kinds: Sequence[Kind]) -> list[tuple[str, ...]]:
    """A row a list: how much was asked, the middle, and the slowest kind of each group."""
    rows: list[tuple[str, ...]] = [
        ("list", "kinds", "p50 of all", *(f"p95: {said}" for said in GROUPS.values()))
    ]
    for name in FILTERS:
        mine = [kind for kind in kinds if kind.name == name]
        middle = sorted(time for kind in mine for time in kind.cpu_ms)
        slowest = [
            max((kind.p95_ms for kind in mine if kind.group == group), default=None) for group in GROUPS
        ]
        shown = ["-" if each is None else f"{each:.1f} ms" for each in slowest]
        rows.append((name, str(len(mine)), f"{middle[len(middle) // 2]:.1f} ms", *shown))
    return rows


def figures(kinds: Sequence[Kind], there: Mapping[str, int], machine: Mapping[str, Any], writes: str) -> str:
    """What stands between the marks. there: how many rows of what the database has."""
    each = min(len(kind.cpu_ms) for kind in kinds)
    wanted = lists_kinds.WANTED_MS
    slow = sorted((kind for kind in kinds if kind.p95_ms > wanted), key=lambda kind: -kind.p95_ms)
    parts = [
        f"{', '.join(f'{count:,} {what}' for what, count in there.items())}. {each} questions of each of "
        f"{len(kinds)} kinds, the first ones cold. {machine['cpu']}, {machine['cores']} cores, of which "
        "PostgreSQL has one.",
        markdown(by_list(kinds)),
        f"The p95 columns tell the slowest kind of the list. Of {len(kinds)} kinds {len(kinds) - len(slow)} "
        f"are under {wanted:.0f} ms. " + ("Over it:" if slow else "None is over it."),
    ]
    if slow:
        heading = ("kind", "PostgreSQL, p50", "p95", "refused after five seconds")
        shown = [
            (kind.label, f"{kind.at(0.5, kind.cpu_ms):.1f} ms", f"{kind.p95_ms:.1f} ms", str(kind.refused))
            for kind in slow
        ]
        parts.append(markdown([heading, *shown]))
    return "\n\n".join([*parts, *([writes] if writes else []), f"[The plans]({PLANS})."])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table, its heading first; numbers to the right."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|---" + "|---:" * (len(rows[0]) - 1) + "|")
    return "\n".join(lines)


def write(page: Path, said: str, plans: Sequence[tuple[str, str]]) -> None:
    """Put figures between the marks of a page, and the plans beside it. Raises ValueError for one without."""
    text = page.read_text(encoding="utf-8")
    head, begins, rest = text.partition(BEGINS)
    _, ends, tail = rest.partition(ENDS)
    if not (begins and ends):
        raise ValueError(f"{page} has no {BEGINS} … {ENDS}")
    page.write_text(f"{head}{BEGINS}\n\n{said}\n\n{ENDS}{tail}", encoding="utf-8")
    shown = "\n".join(f"## {title}\n\n```\n{plan}\n```\n" for title, plan in plans)
    page.with_name(PLANS).write_text(f"{HEAD}\n{shown}", encoding="utf-8")
