"""The dialogs in which everything was asked for: the funnel's rows, sessions' ends, the server's times.

What is done in a dialog is counted while lives are made (`Dials`), by hour, language and path. In the end
each hour is laid out state by state, backwards: as many as went on from a state, and those who gave up there,
were shown it; and as many went on from the state before. So the rows agree with each other, and with the
loans, as if the recorder had kept them (ussd_engine/observe/recorder.py). It takes as long for a million
borrowers as for a thousand.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeVar

from services.seeding.calendar import Calendar
from services.seeding.paths import LOOKS, LOOKS_A_DIAL, PATHS, Path, Place
from services.seeding.rows import Rows

SERVICE, GATEWAY, CODE, CURRENCY = "umoja", "africastalking", "*384*89598#", "KES"
NETWORKS = (("safaricom", 0.86), ("airtel", 0.11), ("telkom", 0.03))
NEW_DAYS = 24  # for how long the menus are as they are now
CLUMSY = 1.35  # how many more gave up in the version before
FAILED = 0.04  # of the sessions that came to no end, those the network lost
COST_MICROS = 800_000  # of a session
GIVES_UP_MS = 30_000  # for how long a screen nobody answers stays
_ANSWER_MS = (1_400, 3_500, 7_300, 14_000, 31_000, 85_000)
_SHOWN, _MOVED_ON, _REFUSED, _BEGUN, _ENDED, _DWELL, _WITHIN = range(7)
_COUNTS = 12

# Shares of turns by how long they take: without an action under a millisecond, with one as long as that.
_TURNS = ((0.0005, 0.62), (0.001, 0.27), (0.0025, 0.09), (0.005, 0.02))
_ACTIONS = ((0.005, 0.22), (0.01, 0.45), (0.025, 0.24), (0.05, 0.06), (0.1, 0.02), (0.5, 0.008), (2.5, 0.002))

Numbers = list[int]
T = TypeVar("T")


class Dials:
    """What was done in dialogs, counted: by the hour since the first day, language and path."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[int, str, str]] = Counter()

    def add(self, when: tuple[int, int], language: str, path: str) -> None:
        """Somebody came to the end of that path."""
        self.counts[when[0] * 24 + when[1] // 3600, language, path] += 1


class Hour:
    """One hour's rows as they are added up."""

    def __init__(self, chance: random.Random, clumsy: float) -> None:
        """clumsy: how many times as many give up as in the present menus."""
        self._chance, self._clumsy = chance.random, clumsy
        self.states: dict[tuple[str, str, str], Numbers] = {}
        # Sessions, cost, duration and hops, by network, language, state and status.
        self.ends: dict[tuple[str, str, str, str], Numbers] = {}
        self.actions: Counter[str] = Counter()

    def walk(self, path: Path, count: int, language: str) -> None:
        """That many came to its end."""
        self.actions[path.action] += count
        for network, some in self._among(NETWORKS, count):
            self._walk(path, some, network, language)

    def look(self, dials: int, language: str) -> None:
        """Beside so many dials that did something, others only looked."""
        for path, some in self._among(
            [(path, share) for share, path in LOOKS], self._about(dials * LOOKS_A_DIAL)
        ):
            self.walk(path, some, language)

    def spread(self, shares: Sequence[tuple[float, float]], count: int) -> Counter[float]:
        """So many turns or actions by the end of the bucket of their time."""
        return Counter(dict(self._among(shares, count)))

    def _walk(self, path: Path, count: int, network: str, language: str) -> None:
        last = self._numbers(network, language, path.last)
        last[_SHOWN] += count
        if path.ends:
            last[_ENDED] += count
        times = [_mean_ms(place) for place in path.places]
        self._end(network, language, path.last, "Success" if path.ends else "", count, times)
        for number in range(len(path.places) - 1, -1, -1):
            count = self._leave(path.places[number], count, network, language, times[:number])
        first = path.places[0]
        self._numbers(network, first.language or language, first.state)[_BEGUN] += count

    def _leave(self, place: Place, moved: int, network: str, language: str, before: Sequence[int]) -> int:
        """That many went on from a place; how many were shown it."""
        language = place.language or language
        drops = min(place.drops * self._clumsy, 0.6)
        dropped = self._about(moved * drops / (1 - drops))
        shown = moved + dropped
        refused = self._about(shown * place.refused)
        numbers = self._numbers(network, language, place.state)
        numbers[_SHOWN] += shown
        numbers[_MOVED_ON] += moved
        numbers[_REFUSED] += refused
        for bucket, answers in self._among(list(enumerate(place.takes)), moved + refused):
            numbers[_WITHIN + bucket] += answers
            numbers[_DWELL] += int(answers * _ANSWER_MS[bucket] * (0.9 + 0.2 * self._chance()))
        self._end(network, language, place.state, "", dropped, before)
        return shown

    def _end(
        self, network: str, language: str, state: str, status: str, count: int, before: Sequence[int]
    ) -> None:
        """Sessions are over there. status: none for those that came to no end. before: how long each screen
        before this one took."""
        lost = 0 if status else self._about(count * FAILED)
        duration = sum(before) + (0 if status else GIVES_UP_MS)
        for told, sessions in ((status or "Incomplete", count - lost), ("Failed", lost)):
            if sessions > 0:
                end = self.ends.setdefault((network, language, state, told), [0, 0, 0, 0])
                hops = len(before) + 1
                for place, each in enumerate((1, COST_MICROS, duration, hops)):
                    end[place] += sessions * each

    def _numbers(self, network: str, language: str, state: str) -> Numbers:
        return self.states.setdefault((network, language, state), [0] * _COUNTS)

    def _about(self, expected: float) -> int:
        """A whole number: as expected on the average."""
        return int(expected + self._chance())

    def _among(self, shares: Sequence[tuple[T, float]], count: int) -> Iterator[tuple[T, int]]:
        """A count shared out; what rounding leaves goes to one of them by chance."""
        found = [int(count * share) for _, share in shares]
        for _ in range(count - sum(found)):
            rolled, place = self._chance(), 0
            while place < len(shares) - 1 and rolled >= shares[place][1]:
                rolled -= shares[place][1]
                place += 1
            found[place] += 1
        for (each, _), some in zip(shares, found, strict=True):
            if some:
                yield each, some


def write_hours(rows: Rows, calendar: Calendar, dials: Dials, bundle: str, seed: int) -> Iterator[None]:
    """The rows of every hour, in the order of their keys; it stops after each day. bundle: the menus as they
    are now; another version was before them."""
    chance = random.Random(f"{seed}:dialogs")  # noqa: S311 - made-up people, no secrets
    since = calendar.today - NEW_DAYS
    done: dict[int, list[tuple[str, str, int]]] = {}
    for (slot, language, path), count in sorted(dials.counts.items()):
        done.setdefault(slot, []).append((language, path, count))
    day = 0
    for slot, paths in done.items():
        if slot // 24 != day:
            day = slot // 24
            yield
        hour = Hour(chance, 1.0 if day >= since else CLUMSY)
        for language, path, count in paths:
            hour.walk(PATHS[path], count, language)
            hour.look(count, language)
        at = calendar.at(day, slot % 24 * 3600)
        _write(rows, hour, at, bundle if day >= since else before(bundle))
    yield


def before(bundle: str) -> str:
    """The name of the menu version that was before that one; nobody has it."""
    return hashlib.sha256(b"before " + bundle.encode()).hexdigest()[:12]


def _mean_ms(place: Place) -> int:
    return int(sum(share * ms for share, ms in zip(place.takes, _ANSWER_MS, strict=True)))


def _write(rows: Rows, hour: Hour, at: str, bundle: str) -> None:
    for (network, language, state), numbers in sorted(hour.states.items()):
        if numbers[_SHOWN]:
            counts = "\t".join(map(str, numbers))
            rows.dialog_hour.append(f"{at}\t{SERVICE}\t{bundle}\t{network}\t{language}\t{state}\t{counts}")
    for (network, language, state, status), numbers in sorted(hour.ends.items()):
        counts = "\t".join(map(str, numbers))
        rows.session_hour.append(
            f"{at}\t{GATEWAY}\t{CODE}\t{network}\t{bundle}\t{language}\t{state}\t{status}\t{CURRENCY}\t{counts}"
        )
    for metric, label, other, bound, value in sorted(_server(hour)):
        rows.server_hour.append(f"{at}\t{metric}\t{label}\t{other}\t{bound!r}\t{value!r}")


def _server(hour: Hour) -> Iterator[tuple[str, str, str, float, float]]:
    """What the server counted of itself: turns by outcome and time, actions by outcome and time."""
    sums = [sum(each) for each in zip(*hour.states.values(), strict=True)]
    ended = sums[_ENDED]
    turns = sums[_BEGUN] + sum(sums[_WITHIN:])
    asked = sum(hour.actions.values())
    yield "turns", GATEWAY, "more", 0.0, float(turns - ended)
    if ended:
        yield "turns", GATEWAY, "end", 0.0, float(ended)
    quick = hour.spread(_TURNS, max(turns - asked, 0))
    slow = hour.spread(_ACTIONS, asked)
    yield from _times("turn_seconds", GATEWAY, quick + slow)
    for action, count in hour.actions.items():
        yield "actions", action, "ok", 0.0, float(count)
        yield from _times("action_seconds", action, hour.spread(_ACTIONS, count))


def _times(metric: str, label: str, counts: Counter[float]) -> Iterator[tuple[str, str, str, float, float]]:
    for bound, count in counts.items():
        yield metric, label, "", bound, float(count)
    seconds = sum(bound * 0.7 * count for bound, count in counts.items())
    yield f"{metric}_sum", label, "", 0.0, round(seconds, 6)
