"""How many phone lines call at which time: phases, one after the other, each level or a slope."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(slots=True, frozen=True)
class Phase:
    """A part of the run. first, last: lines at its beginning and its end; between them is a straight line."""

    name: str
    seconds: float
    first: int
    last: int

    def scaled(self, wide: float, long: float) -> "Phase":
        """With so many times the lines, and so many times the length; who calls at all stays at least one."""
        first, last = (max(1, round(lines * wide)) if lines else 0 for lines in (self.first, self.last))
        return replace(self, seconds=self.seconds * long, first=first, last=last)


def at(phases: Sequence[Phase], seconds: float) -> tuple[Phase, int] | None:
    """The phase at a time since the start, and how many lines call then; None when all is over."""
    for phase in phases:
        if seconds < phase.seconds:
            share = max(0.0, seconds) / phase.seconds
            return phase, round(phase.first + (phase.last - phase.first) * share)
        seconds -= phase.seconds
    return None
