"""What a process uses: memory and processor time, as Linux tells it under /proc. Elsewhere nothing is known.

Resident memory (rss) counts a page that several processes share once for each of them; proportional (pss)
splits it among them, so that the sum over all is what they take together; unique (uss) leaves it out: it is
what the machine would get back if this process ended.
"""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_UNIQUE = ("Private_Clean", "Private_Dirty", "Private_Hugetlb")


@dataclass(slots=True, frozen=True)
class Usage:
    """Bytes, and seconds of processor time."""

    rss: int
    pss: int
    uss: int
    cpu_s: float

    def megabytes(self) -> dict[str, float]:
        """For a log line: rss_mb, pss_mb, uss_mb."""
        sizes = {"rss_mb": self.rss, "pss_mb": self.pss, "uss_mb": self.uss}
        return {name: round(size / 2**20, 1) for name, size in sizes.items()}


def usage_of(pid: int) -> Usage | None:
    """What a process uses now; None when it is gone, or nothing can be known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    sizes: dict[str, int] = {}
    for line in rollup.splitlines()[1:]:  # the first is a range of addresses
        name, _, rest = line.partition(":")
        sizes[name] = int(rest.split()[0]) * 1024
    if "Rss" not in sizes:  # it is on its way out
        return None
    return Usage(
        rss=sizes["Rss"],
        pss=sizes["Pss"],
        uss=sum(sizes.get(name, 0) for name in _UNIQUE),
        cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS,  # utime, stime: fields 14 and 15 of proc(5)
    )
