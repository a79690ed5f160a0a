"""`make loadtest` and `python -m loadtests` understand each other."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from loadtests.__main__ import command_line
from loadtests.mix import shipped


def made(repository: Path, *variables: str) -> list[str]:
    """What `make loadtest` would run with these variables, after `python -m loadtests`."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    recipe = subprocess.run(
        ["make", "--dry-run", "loadtest", *variables],
        cwd=repository, env=outside, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    _, _, command = recipe.stdout.replace("\\\n", " ").partition(" -m loadtests ")
    return shlex.split(command)


def test_make_alone_takes_a_quick_look_at_this_machine(repository: Path) -> None:
    options, rest = command_line().parse_known_args(made(repository, "PORT=8000"))
    assert (options.mix, options.host, options.processes) == ("quick", "http://127.0.0.1:8000", 1)
    assert (options.users, options.time, options.web, rest) == (None, None, False, [])


def test_every_variable_of_make_arrives(repository: Path) -> None:
    variables = ["MIX=soak", "HOST=http://a:1,http://b:2", "USERS=7", "TIME=90s", "PROCESSES=2", "WEB=1"]
    options, rest = command_line().parse_known_args(
        made(repository, *variables, "ARGS=--web-port 9000 --report out --csv-full-history")
    )
    assert (options.mix, options.host, options.users) == ("soak", "http://a:1,http://b:2", 7)
    assert (options.time, options.processes, options.web, options.web_port) == (90.0, 2, True, 9000)
    assert options.report == Path("out")
    assert rest == ["--csv-full-history"]


def test_its_help_names_every_mix_that_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        command_line().parse_args(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert f"one of {', '.join(shipped())}, or the path" in said
