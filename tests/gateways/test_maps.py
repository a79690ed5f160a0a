"""Map files: what is wrong with one is said with its place, and the engine's own are sound."""

from pathlib import Path

import pytest

from ussd_engine.errors import SettingsError
from ussd_engine.gateways import Adapter, load_map, load_maps

GOOD = """\
gateway: acme
turn:
  path: /acme
  encoding: form
  family: cumulative
  fields: {session_id: s, msisdn: m, service_code: c, text: t}
answer: {continue: "CON {text}", end: "END {text}"}
deadline: 8s
numbers: {country: KE}
"""


def test_the_smallest_map_loads(tmp_path: Path) -> None:
    found = load_map(written(tmp_path, GOOD))
    assert (found.gateway, found.turn.method, found.deadline, found.screen) == ("acme", "POST", 8.0, 0)


@pytest.mark.parametrize(("old", "new", "fault"), [
    ("  family: cumulative\n", "", ":2:1: family is missing in turn"),
    ("family: cumulative", "family: cumulativ", ":5:3: family: input should be 'cumulative', "),
    ("encoding: form", "encoding: form\n  encodng: json", ":5:3: encodng is not a key of a map: did"),
    ("encoding: form", "encoding: xml", ":4:3: encoding: input should be 'form', 'json' or 'query'"),
    ("deadline: 8s", "deadline: 8", ":8:1: deadline: write seconds, like 8s"),
    ("country: KE", "country: Kenya", ":9:11: country: Kenya is not a country code of two capitals, like KE"),
    ("country: KE", 'country: KE, plain: "254["', ":9:24: plain: input should be a valid regular expression"),
    ("path: /acme", "path: acme", ":3:3: path: string should match pattern"),
    ("family: cumulative", "family: flagged", ":2:1: turn: family flagged needs first: how a session's"),
    ("text: t", "text: {default: x, write: y}", ':6:55: text: write needs {} once, like "*{}#"'),
    ("  encoding: form", "  method: GET\n  encoding: form", ":2:1: turn: a GET has no body"),
    ("numbers:", "callers: [10.0.0.1/8]\nnumbers:", ":9:11: callers: value is not a valid IPv4"),
    ("deadline: 8s", "deadline: 8s\ndeadline: 9s", ":9:1: deadline is there twice: keep one"),
    ("gateway: acme", "gateway: other", ":1:1: gateway other must be in a file other.yaml"),
    ("gateway: acme", "gateway: [", ":3:7: expected ',' or ']'"),
])  # fmt: skip
def test_a_faulty_map_says_where_and_what(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in GOOD
    file = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(SettingsError) as refused:
        load_map(file)
    assert str(refused.value).startswith(f"{file}{fault}"), str(refused.value)


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD.replace("/acme", "acme").replace("8s", "8"))
    with pytest.raises(SettingsError) as refused:
        load_map(file)
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("end", ["END {nothing}", "END {text!r}", "END {text:>8}", "END {text"])
def test_a_template_with_a_name_that_is_none_is_refused(tmp_path: Path, end: str) -> None:
    found = load_map(written(tmp_path, GOOD.replace("END {text}", end)))
    with pytest.raises(SettingsError, match="gateway acme: answer"):
        Adapter(found)


def test_two_maps_cannot_have_one_path(tmp_path: Path) -> None:
    written(tmp_path, GOOD.replace("/acme", "/api/v1/ussd"))
    with pytest.raises(SettingsError, match="africastalking and acme both want /api/v1/ussd"):
        load_maps(tmp_path)


def test_a_map_of_ones_own_replaces_the_engines(tmp_path: Path) -> None:
    written(tmp_path, GOOD.replace("acme", "africastalking"), "africastalking.yaml")
    assert load_maps(tmp_path)["africastalking"].turn.path == "/africastalking"


def test_a_map_is_frozen(tmp_path: Path) -> None:
    found = load_map(written(tmp_path, GOOD))
    with pytest.raises(ValueError, match="frozen"):
        found.deadline = 9.0


def test_callers_are_let_in_by_network() -> None:
    adapter = Adapter(load_maps(Path(__file__).parent / "maps")["hubtel"])
    admitted = [
        who
        for who in ("192.0.2.7", "::ffff:192.0.2.7", "198.51.100.1", "2001:db8::1", "nobody")
        if adapter.admits(who)
    ]
    assert admitted == ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"]


def written(folder: Path, text: str, name: str = "acme.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_the_map_in_the_documentation_loads(tmp_path: Path, repository: Path) -> None:
    page = (repository / "docs" / "gateways.md").read_text()
    blocks = [block.partition("```")[0] for block in page.split("```yaml\n")[1:]]
    whole = blocks[0] + next(block for block in blocks if block.startswith("event:"))
    found = load_map(written(tmp_path, whole))
    assert (found.networks["62001"].screen, found.event is not None) == (120, True)
    other = next(block for block in blocks if block.startswith("answer:"))
    Adapter(load_map(written(tmp_path, GOOD.replace(GOOD.splitlines()[6] + "\n", other))))
