"""How well scores tell good borrowers from bad ones, and how far two groups differ.

A higher score means a better borrower. `auc` is the chance that a good one has more points than a bad
one, a tie counting half; Gini is 2 auc - 1. KS is the greatest distance between the two groups' shares
at or below a score. PSI is the sum over bins of (a - e) ln(a / e) for the shares a and e of two groups,
a share below LEAST_SHARE taken as that.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

LEAST_SHARE = 0.0001


@dataclass(slots=True, frozen=True)
class Quality:
    """Of one group. bad_rate is a share."""

    rows: int
    bad_rate: float
    auc: float
    ks: float

    @property
    def gini(self) -> float:
        """2 auc - 1."""
        return 2 * self.auc - 1


def curve(scores: Sequence[int], bad: Sequence[bool]) -> Iterator[tuple[int, float, float]]:
    """Each score there is, from the least: the shares of the bad and of the good at or below it."""
    goods, bads = Counter[int](), Counter[int]()
    for score, is_bad in zip(scores, bad, strict=True):
        (bads if is_bad else goods)[score] += 1
    bad_seen = good_seen = 0
    for score in sorted(goods | bads):
        bad_seen += bads[score]
        good_seen += goods[score]
        yield score, bad_seen / bads.total(), good_seen / goods.total()


def quality(scores: Sequence[int], bad: Sequence[bool]) -> Quality:
    """Of scores whose outcomes are known: both kinds are there."""
    auc = ks = bad_before = good_before = 0.0
    for _, bad_share, good_share in curve(scores, bad):
        auc += (good_share - good_before) * (bad_before + bad_share) / 2
        ks = max(ks, bad_share - good_share)
        bad_before, good_before = bad_share, good_share
    return Quality(len(scores), sum(bad) / len(bad), auc, ks)


def psi(expected: Sequence[Hashable], actual: Sequence[Hashable]) -> float:
    """Of two groups of bins."""
    before, after = Counter(expected), Counter(actual)
    total = 0.0
    for each in before | after:
        e = max(before[each] / len(expected), LEAST_SHARE)
        a = max(after[each] / len(actual), LEAST_SHARE)
        total += (a - e) * math.log(a / e)
    return total


def score_psi(expected: Sequence[int], actual: Sequence[int]) -> float:
    """Of two groups of scores, by the tenths of the first."""
    ordered = sorted(expected)
    edges = sorted({ordered[len(ordered) * tenth // 10] for tenth in range(1, 10)})
    return psi([bisect_right(edges, s) for s in expected], [bisect_right(edges, s) for s in actual])
