"""A mix: who calls how often, how they behave, how many of them at which time, and what is good enough.

One YAML file under mixes/; docs/load-testing.md says how to write one.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from loadtests.gateways import Gateway, gateway_of
from loadtests.journeys import REPOSITORY
from loadtests.reading import LoadTestError, duration, fields, percent, rate, read, span
from loadtests.shape import Phase
from loadtests.verdict import Limits
from ussd_engine.errors import UssdError
from ussd_engine.menu.findings import Report, closest, listed, shown
from ussd_engine.menu.reading.shape import Fields, as_integer, as_scalar
from ussd_engine.menu.source import Mapping, Node, Scalar

FOLDER = Path(__file__).parent / "mixes"
FAULTS = (
    "mistype", "back", "give_up", "wrong_pin", "copy", "copies_at_once", "late_copy", "other_server",
    "other_gateway",
)  # fmt: skip
_MOST_USERS = 100_000
_MOST_WEIGHT = 1_000_000


@dataclass(slots=True, frozen=True)
class Faults:
    """What goes wrong, each as a share of the presses, from 0 to 1.

    mistype: something the screen did not ask for is typed. back: 0 is pressed. give_up: they hang up.
    wrong_pin: another PIN is typed. copy: the gateway sends the same request again, after the answer.
    copies_at_once: it sends it twice at the same time. late_copy: it sends an older one again.
    other_server: the next request of this call goes to another server, or over another connection.
    other_gateway: another gateway of the mix brings the rest of this call, under the same session id.
    """

    mistype: float = 0.0
    back: float = 0.0
    give_up: float = 0.0
    wrong_pin: float = 0.0
    copy: float = 0.0
    copies_at_once: float = 0.0
    late_copy: float = 0.0
    other_server: float = 0.0
    other_gateway: float = 0.0


@dataclass(slots=True, frozen=True)
class Mix:
    """One load test. think_s: the least and the most time between two presses; pace_s: each phone line
    dials once in this time, on average. gateways: those beside Africa's Talking, where calls begin."""

    name: str
    journeys: dict[str, int]
    think_s: tuple[float, float]
    pace_s: float
    faults: Faults
    phases: tuple[Phase, ...]
    limits: Limits
    gateways: tuple[Gateway, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def peak(self) -> int:
        """The most lines at once."""
        return max(max(phase.first, phase.last) for phase in self.phases)

    def scaled(self, users: int | None, seconds: float | None) -> "Mix":
        """The same shape with another peak or another length; so many turns a second less or more are
        asked for."""
        wide = users / self.peak if users else 1.0
        long = seconds / self.seconds if seconds else 1.0
        phases = tuple(phase.scaled(wide, long) for phase in self.phases)
        return replace(
            self, phases=phases, limits=replace(self.limits, turns_per_s=self.limits.turns_per_s * wide)
        )


def shipped() -> list[str]:
    """The names of the mixes in mixes/."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def file_of(name: str) -> Path:
    """The file of a mix: a name of mixes/, or a path. Raises LoadTestError when there is none."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    if path.is_file():
        return path
    meant = closest(name, shipped())
    hint = f" Did you mean {meant}?" if meant else ""
    raise LoadTestError(
        f"There is no mix {name}.{hint} There are {', '.join(shipped())}; or give the path of a .yaml file."
    )


def read_mix(file: Path, journeys: list[str]) -> Mix:
    """The mix in a file. journeys: the names there are. Raises LoadTestError with every fault."""
    return read(file, "A mix", lambda node, report: _mix(node, report, journeys))


def _mix(node: Mapping, report: Report, journeys: list[str]) -> Mix:
    known = ("mix", "journeys", "think", "pace", "gateways", "faults", "shape", "pass")
    top = Fields(node, "A mix", known, report)
    name = top.scalar("mix", required=True)
    pace = _time("pace", top, 0.1, "100ms")
    phases = tuple(_phase(item, pace, report) for item in top.items("shape", required=True))
    if not phases:
        report.error(node.at, "no-phase", "`shape` has no phase.", "Give it one: - {for: 1m, users: 10}")
    elif not any(phase.first or phase.last for phase in phases):
        report.error(
            node.at, "no-users", "Nobody calls in any phase.", "Give one of them `users:` or `dials:`."
        )
    faults, gateways = _faults(top.node("faults"), report), _gateways(top, report)
    if faults.other_gateway and not gateways and not report.errors:
        hint = "Name its map: gateways: [maps/acme.yaml]. The server must have it in USSD_GATEWAYS_DIR."
        report.error(node.at, "no-gateway", "`other_gateway` needs another gateway.", hint)
    return Mix(
        name.value if name else "",
        _weights(top, journeys, report),
        _think(top, report),
        pace,
        faults,
        phases,
        _limits(top.node("pass", required=True), report),
        gateways,
    )


def _weights(top: Fields, journeys: list[str], report: Report) -> dict[str, int]:
    node = top.node("journeys", required=True)
    entry = fields(node, "`journeys`", journeys, report) if node is not None else None
    weights = {name: entry.integer(name, 0, _MOST_WEIGHT, 0) for name in journeys} if entry else {}
    weights = {name: weight for name, weight in weights.items() if weight}
    if entry is not None and not weights and not report.errors:
        hint = f"There are {listed(journeys)}."
        report.error(entry.at, "no-journey", "No journey has a weight.", hint)
    return weights


def _gateways(top: Fields, report: Report) -> tuple[Gateway, ...]:
    """The gateways whose maps a mix names; their paths begin at the checkout."""
    found = []
    for item in top.items("gateways"):
        text = as_scalar(item, "A gateway", report)
        if text is None:
            continue
        try:
            found.append(gateway_of(REPOSITORY / text.value))
        except UssdError as error:
            report.error(text.at, "bad-gateway", f"{shown(text.value)} cannot be taken: {error}", "")
    return tuple(found)


def _think(top: Fields, report: Report) -> tuple[float, float]:
    text = top.scalar("think", required=True)
    if text is None:
        return 0.0, 0.0
    least, most = span(text, lambda part: duration(part, "`think`", report))
    if most < least:
        report.error(
            text.at, "bad-value", "`think` ends before it begins.", "Write the shorter first: 1s..4s"
        )
    return least, most


def _faults(node: Node | None, report: Report) -> Faults:
    entry = fields(node, "`faults`", FAULTS, report) if node is not None else None
    if entry is None:
        return Faults()
    shares = {name: percent(entry.node(name), shown(name), report) for name in FAULTS}
    if sum(shares[name] for name in ("mistype", "back", "give_up")) > 1:
        report.error(
            entry.at, "bad-value", "`mistype`, `back` and `give_up` are more than 100% together.", ""
        )
    return Faults(**shares)


def _phase(item: Node, pace: float, report: Report) -> Phase:
    entry = fields(item, "A phase", ("phase", "for", "users", "dials"), report)
    if entry is None:
        return Phase("", 0.0, 0, 0)
    name = entry.scalar("phase")
    seconds = _time("for", entry, 1.0, "1s")
    users, dials = entry.node("users"), entry.node("dials")
    if (users is None) == (dials is None):
        report.error(
            entry.at, "users-or-dials", "A phase has either `users` or `dials`.",
            "For example {for: 1m, users: 50}, or {for: 1m, dials: 5/s}.",
        )  # fmt: skip
        return Phase("", seconds, 0, 0)
    text = as_scalar(users or dials or item, "`users`" if users else "`dials`", report)
    if text is None:
        return Phase("", seconds, 0, 0)
    one = partial(_users, report=report) if users else partial(_dialling, pace=pace, report=report)
    first, last = span(text, one)
    if max(first, last) > _MOST_USERS:
        report.error(
            text.at,
            "too-many",
            f"That is more than {_MOST_USERS} phone lines.",
            "A longer `pace` needs more lines.",
        )
    return Phase(name.value if name else "", seconds, round(first), round(last))


def _users(text: Scalar, report: Report) -> float:
    return float(as_integer(text, "`users`", 0, _MOST_USERS, report) or 0)


def _dialling(text: Scalar, pace: float, report: Report) -> float:
    """Lines that dial so often together."""
    dials = rate(text, "`dials`", report)
    return max(1.0, dials * pace) if dials else 0.0


def _limits(node: Node | None, report: Report) -> Limits:
    entry = fields(node, "`pass`", ("failed", "p95", "p99", "turns"), report) if node is not None else None
    if entry is None:
        return Limits(0.0, 0.0, 0.0)
    p95 = duration(entry.node("p95", required=True), "`p95`", report)
    p99 = duration(entry.node("p99", required=True), "`p99`", report)
    if p99 < p95 and not report.errors:
        report.error(entry.at, "bad-value", "`p99` cannot be less than `p95`.", "")
    failed = percent(entry.node("failed", required=True), "`failed`", report)
    return Limits(failed, p95 * 1000, p99 * 1000, rate(entry.node("turns"), "`turns`", report))


def _time(name: str, entry: Fields, least_s: float, written: str) -> float:
    """A time that must be there, in seconds. written: the least of it, as people write it."""
    seconds = duration(entry.node(name, required=True), shown(name), entry.report, least_s)
    if seconds < least_s:
        entry.report.error(entry.keys[name].at, "bad-value", f"{shown(name)} must be {written} at least.", "")
    return max(seconds, least_s)
