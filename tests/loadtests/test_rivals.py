"""Each rival of the bench answers the dialogs as the engine does, or says its one screen; so it is fair.

One that is not made ready here is skipped with the reason; Go's is built, for that needs no network.
"""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.bench import dialogs, processes
from loadtests.bench.machine import Cores
from loadtests.rivals import CONSTANT, PATH
from loadtests.rivals.catalog import RIVALS
from loadtests.rivals.rival import Rival
from ussd_engine.errors import UssdError

ANYWHERE = Cores(0, 0, 0, apart=False)


@pytest.fixture(scope="session")
def redis_of_rivals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One of their own: some take no database number."""
    with processes.redis(ANYWHERE, tmp_path_factory.mktemp("redis")) as (url, _):
        yield url


@pytest.mark.timeout(300)  # Go's first build
@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_answers_every_dialog_rightly(
    name: str, redis_of_rivals: str, empty_pg_url: str, tmp_path: Path
) -> None:
    rival = RIVALS[name]
    if name == "go" and rival.tools() is None:
        rival.prepare()
    if (missing := rival.missing()) is not None:
        pytest.skip(missing)
    scripts = dialogs.scripts() if rival.menus else dialogs.answered_with(CONSTANT)
    with processes.rival(name, ANYWHERE, tmp_path, redis_of_rivals, empty_pg_url) as (port, _):
        heard = [_walk(port, number, script) for number, script in enumerate(scripts)]
    assert heard == [[turn.expect for turn in script] for script in scripts]


@pytest.mark.parametrize("name", ["go", "express", "fastapi", "airflow", "naive"])
def test_a_rival_keeps_its_dialogs_apart(
    name: str, redis_of_rivals: str, empty_pg_url: str, tmp_path: Path
) -> None:
    rival = RIVALS[name]
    if (missing := rival.missing()) is not None:
        pytest.skip(missing)
    scripts = dialogs.scripts() if rival.menus else dialogs.answered_with(CONSTANT)
    first, second = scripts[0], scripts[1]
    heard: list[list[str]] = [[], []]
    with processes.rival(name, ANYWHERE, tmp_path, redis_of_rivals, empty_pg_url) as (port, _):
        for one, other in zip(first, second, strict=False):
            heard[0].append(_ask(port, 900, one.text))
            heard[1].append(_ask(port, 901, other.text))
    assert heard[0] == [turn.expect for turn in first]
    assert heard[1] == [turn.expect for turn in second[: len(first)]]


def test_a_rival_whose_sources_changed_is_not_run_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtests.rivals.rival.BUILT", tmp_path / "built")
    source = tmp_path / "source"
    source.write_text("one")
    copied = Rival(
        "copied", "copied_per_s", "", lambda _: [], sources=(source,),
        steps=lambda folder: (folder / "copy").write_text(source.read_text()) and None,
    )  # fmt: skip
    assert copied.missing() == "It is not prepared. Run: make rivals"
    assert [copied.prepare(), copied.missing(), copied.prepare()] == [True, None, False]
    source.write_text("two")
    assert copied.missing() == "Its sources changed since it was prepared. Run: make rivals"
    assert copied.prepare()
    assert (tmp_path / "built" / "copied" / "copy").read_text() == "two"


def test_a_rival_without_its_tool_says_what_to_install() -> None:
    lacking = Rival("lacking", "lacking_per_s", "", lambda _: [], tools=lambda: "go is not on PATH.")
    assert lacking.missing() == "go is not on PATH."
    with pytest.raises(UssdError, match="go is not on PATH"):
        lacking.prepare()


def _walk(port: int, number: int, script: dialogs.Script) -> list[str]:
    return [_ask(port, number, turn.text) for turn in script]


def _ask(port: int, number: int, text: str) -> str:
    """The body of the reply, or its status when that is not 200. text is quoted already."""
    form = (
        f"{dialogs.FORM_HEAD}{dialogs.SESSION}{number:08d}{dialogs.phone_field()}{number:08d}"
        f"{dialogs.FORM_TAIL}{text}"
    )
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{PATH}", form.encode(), 30) as reply:
            body: str = reply.read().decode()
            return body
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode(errors='replace')[:300]}"
