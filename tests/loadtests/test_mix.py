"""Mixes: the shipped ones can be read, and a wrong one says where and what to do."""

from pathlib import Path

import pytest

from loadtests.journeys import read_journeys
from loadtests.mix import FAULTS, file_of, read_mix, shipped
from loadtests.reading import LoadTestError

GOOD = """\
mix: A test
journeys: {join: 1, borrow: 3}
think: 1s..4s
pace: 20s
faults: {mistype: 5%, copy: 0.5%}
shape:
  - {phase: quiet, for: 30s, users: 10}
  - {phase: rush, for: 1m, users: 10..50}
  - {phase: rate, for: 1m, dials: 4/s}
pass: {failed: 0.1%, p95: 250ms, p99: 1s, turns: 20/s}
"""
JOURNEYS = ["join", "borrow", "repay"]


def faults_of(text: str, tmp_path: Path) -> str:
    file = tmp_path / "mix.yaml"
    file.write_text(text)
    with pytest.raises(LoadTestError) as raised:
        read_mix(file, JOURNEYS)
    return str(raised.value)


def test_a_mix_is_read_to_seconds_shares_and_lines(tmp_path: Path) -> None:
    file = tmp_path / "mix.yaml"
    file.write_text(GOOD)
    mix = read_mix(file, JOURNEYS)
    assert mix.name == "A test"
    assert mix.journeys == {"join": 1, "borrow": 3}
    assert mix.think_s == (1, 4)
    assert (mix.faults.mistype, mix.faults.copy, mix.faults.back) == (0.05, 0.005, 0)
    assert [(p.name, p.seconds, p.first, p.last) for p in mix.phases] == [
        ("quiet", 30, 10, 10), ("rush", 60, 10, 50), ("rate", 60, 80, 80),
    ]  # fmt: skip
    assert (mix.limits.failed, mix.limits.p95_ms, mix.limits.p99_ms) == (0.001, 250, 1000)
    assert mix.limits.turns_per_s == 20
    assert (mix.seconds, mix.peak) == (150, 80)


def test_another_peak_scales_the_lines_and_the_turns_asked_for_and_another_length_the_time(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mix.yaml"
    file.write_text(GOOD)
    mix = read_mix(file, JOURNEYS).scaled(40, 15.0)
    assert [(p.seconds, p.first, p.last) for p in mix.phases] == [(3, 5, 5), (6, 5, 25), (6, 40, 40)]
    assert mix.limits.turns_per_s == 10
    assert mix.limits.p95_ms == 250


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_mix_can_be_read(name: str) -> None:
    mix = read_mix(file_of(name), list(read_journeys().by_name))
    assert mix.seconds > 0
    assert mix.limits.failed == 0


def test_the_mix_of_the_documentation_can_be_read(tmp_path: Path, repository: Path) -> None:
    page = (repository / "docs" / "load-testing.md").read_text()
    file = tmp_path / "documented.yaml"
    file.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    mix = read_mix(file, list(read_journeys().by_name))
    assert [phase.last for phase in mix.phases] == [50, 200, 240]
    assert all(getattr(mix.faults, name) > 0 for name in FAULTS)  # each is explained there


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pace:", "pase:", "mix.yaml:4:1: error: A mix has no `pase`."),
        ("borrow: 3", "borow: 3", "Did you mean `borrow`?"),
        ("borrow: 3", "borrow: many", "`borrow` cannot be `many`."),
        ("1s..4s", "4s..1s", "`think` ends before it begins."),
        ("1s..4s", "soon", "`think` cannot be `soon`."),
        ("20s", "20", "Write a number and ms, s, m or h: for example 250ms."),
        ("mistype: 5%", "mistype: 5", "`mistype` cannot be `5`."),
        ("mistype: 5%", "mistype: 105%", "cannot be more than 100%"),
        ("mistype: 5%", "mistipe: 5%", "Did you mean `mistype`?"),
        ("users: 10}", "users: ten}", "`users` cannot be `ten`."),
        ("users: 10}", "users: 10, dials: 1/s}", "A phase has either `users` or `dials`."),
        ("4/s", "4", "Write so many a second: for example 20/s."),
        ("for: 30s", "for: 0s", "`for` must be 1s at least."),
        ("for: 30s, ", "", "A phase needs `for`."),
        ("p95: 250ms, ", "", "`pass` needs `p95`."),
        ("p95: 250ms", "p95: 2s", "`p99` cannot be less than `p95`."),
        ("think: 1s..4s\n", "", "A mix needs `think`."),
        ("join: 1, borrow: 3", "join: 0", "No journey has a weight."),
        ("mix: A test", "mix: [", "mix.yaml:1"),
        ("copy: 0.5%", "other_gateway: 1%", "`other_gateway` needs another gateway."),
        ("pace:", "gateways: [docs/no.yaml]\npace:", "`docs/no.yaml` cannot be taken: there is no map"),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_to_do(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in GOOD
    told = faults_of(GOOD.replace(old, new, 1), tmp_path)
    assert said in told
    assert "mix.yaml:" in told


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    told = faults_of(GOOD.replace("20s", "20").replace("5%", "5").replace("250ms", "fast"), tmp_path)
    assert told.count(": error: ") == 4  # 5% is in it twice


def test_a_shape_in_which_nobody_calls_is_refused(tmp_path: Path) -> None:
    head, _, rest = GOOD.partition("shape:\n")
    tail = rest[rest.index("pass:") :]
    assert "Nobody calls" in faults_of(f"{head}shape:\n  - {{for: 1m, users: 0}}\n{tail}", tmp_path)
    assert "has no phase" in faults_of(f"{head}shape: []\n{tail}", tmp_path)


def test_a_mix_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(LoadTestError, match=r"There is no mix salry_day\. Did you mean salary_day\?"):
        file_of("salry_day")
    with pytest.raises(LoadTestError, match="No such file"):
        read_mix(tmp_path / "none.yaml", JOURNEYS)
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(LoadTestError, match="is empty"):
        read_mix(tmp_path / "empty.yaml", JOURNEYS)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("until: applied", "until: aplied", "The menus have no state `aplied`."),
        ("{national_id}", "{nationalid}", "Did you mean `national_id`?"),
        ("*384*89598*2#", "*999*2#", "is no shortcut of this service"),
        ("who: newcomer", "who: stranger", "`who` cannot be `stranger`."),
        ("menus: menus/umoja", "menus: menus/nothing", "There are no menus in `menus/nothing`."),
    ],
)
def test_a_fault_of_the_journeys_is_told_likewise(old: str, new: str, said: str, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "loadtests" / "journeys.yaml").read_text()
    head, found, rest = text.partition("\nmenus:")  # the words above it are a comment
    assert old in found + rest
    file = tmp_path / "journeys.yaml"
    file.write_text(head + (found + rest).replace(old, new, 1))
    with pytest.raises(LoadTestError) as raised:
        read_journeys(file)
    assert said in str(raised.value)
