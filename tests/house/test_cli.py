"""The command line: quick, plain about what went wrong, and silent about our insides."""

import socket
import subprocess
import sys
from pathlib import Path

import orjson
import psutil
import pytest
from typer.testing import CliRunner, Result

from loadtests.bench.processes import free_port
from ussd_engine import cli, workers
from ussd_engine.commands import running
from ussd_engine.errors import StoreError
from ussd_engine.place import Offer
from ussd_engine.processes import ussd as own_command
from ussd_engine.settings import Settings
from ussd_engine.worker import Command

COMMANDS = [
    "dev", "serve", "check", "test", "try", "draw",
    "publish", "versions", "rollback", "migrate", "worker", "beat",
]  # fmt: skip

MENU = """\
service: hello
codes: ["*384*1#"]
languages: [en]
start: hi
session: {timeout: 60s}
states:
  hi:
    end: {en: Hello}
"""


def ussd(*arguments: str | Path, input: str | None = None) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments], input=input)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "service.yaml").write_text(MENU)
    return tmp_path / "hello"


def test_what_a_command_logs_is_redacted_and_does_not_mix_with_what_it_prints() -> None:
    code = (
        "import sys, structlog; from ussd_engine import cli\n"
        "@cli.app.command()\n"
        "def pay():\n"
        "    structlog.get_logger('umoja').warning('late', phone='254711000126', pin='4821')\n"
        "    print('Paid.')\n"
        "sys.argv[1:] = ['pay']; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Paid.\n"
    line = orjson.loads(done.stderr)
    assert (line["event"], line["phone"], line["pin"]) == ("late", "2547***126", "[dropped]")


def test_help_names_every_command_and_loads_no_server() -> None:
    code = (
        "import sys; from ussd_engine import cli; import typer.testing as t\n"
        "print(t.CliRunner().invoke(cli.app, ['--help']).output)\n"
        "print([name for name in ('aiohttp', 'sqlalchemy', 'celery', 'textual') if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in COMMANDS:
        assert f" {name} " in output
    assert output.endswith("[]\n")


def test_an_error_of_ours_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise StoreError("Redis is away.")

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 1
    assert capsys.readouterr() == ("", "ussd: Redis is away.\n")


def test_an_error_without_words_says_what_its_kind_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise StoreError

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == "ussd: Redis did not answer. Is it running at REDIS_URL?\n"


def test_check_says_where_and_what_and_exits_1_only_for_errors(folder: Path) -> None:
    result = ussd("check", folder)
    assert (result.exit_code, result.output) == (0, f"{folder}: no errors, no warnings\n")
    (folder / "service.yaml").write_text(MENU.replace("start: hi", "start: ho"))
    result = ussd("check", folder)
    assert result.exit_code == 1
    assert f"{folder}/service.yaml:4:8: error: " in result.output
    assert "start: ho" in result.output


def test_check_takes_several_folders_and_passes_over_what_is_no_menu(folder: Path) -> None:
    other = folder.with_name("other")
    other.mkdir()
    (other / "service.yaml").write_text(MENU.replace("start: hi", "start: ho"))
    folder.with_name("schema").mkdir()
    result = ussd("check", *sorted(folder.parent.iterdir()))
    assert result.exit_code == 1
    assert f"{folder}: no errors" in result.output
    assert f"{other}/service.yaml:4:8: error: " in result.output
    assert "schema" not in result.output


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for command in ("check", "test", "draw"):
        result = ussd(command, tmp_path / "nowhere")
        assert result.exit_code == 1
        assert str(result.exception) == f"There is no folder {tmp_path / 'nowhere'}."


def test_test_plays_the_journeys_of_the_lender(repository: Path) -> None:
    result = ussd("test", repository / "menus" / "umoja")
    assert result.exit_code == 0, result.output
    assert "all went as written" in result.output


def test_draw_prints_or_writes_the_picture(folder: Path) -> None:
    printed = ussd("draw", folder)
    assert printed.output.startswith("flowchart TD\n")
    written = folder / "hello.dot"
    assert ussd("draw", folder, "--format", "dot", "-o", written).exit_code == 0
    assert written.read_text().startswith("digraph")


def test_migrate_goes_up_and_down_and_prints_sql(empty_pg_url: str) -> None:
    def migrate(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "ussd_engine.cli", "migrate", *arguments],
            env={"DATABASE_URL": empty_pg_url, "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    assert "CREATE TABLE" in migrate("up", "--sql").upper()
    up = migrate()
    assert up.startswith("The database was at nothing and is at 0")
    newest = up.split()[-1].rstrip(".")
    assert migrate("up") == f"The database was at {newest} and is at {newest}.\n"
    assert migrate("down", "base") == f"The database was at {newest} and is at nothing.\n"
    assert "DROP TABLE" in migrate("down", f"{newest}:base", "--sql").upper()


def test_migrate_without_a_database_says_so_without_the_password() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "ussd_engine.cli", "migrate"],
        env={"DATABASE_URL": "postgresql://who:secretword@127.0.0.1:1/umoja", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert refused.stderr.startswith("ussd: No migration: 127.0.0.1:1/umoja says:")
    assert "secretword" not in refused.stderr


def test_publish_versions_and_rollback(folder: Path, pg_url: str, redis_url: str) -> None:
    def run(*arguments: str | Path) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "ussd_engine.cli", *map(str, arguments)],
            env={"DATABASE_URL": pg_url, "REDIS_URL": redis_url, "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    assert run("versions", "hello").startswith("Nothing of hello is published yet.")
    first = run("publish", folder, "--note", "the first").split()[1]
    (folder / "service.yaml").write_text(MENU.replace("Hello", "Good day"))
    second = run("publish", folder).split()[1]
    assert first != second
    assert run("rollback", "hello") == f"hello {first} is live again.\n"
    listed = [line.split() for line in run("versions", "hello").splitlines()]
    assert [row[0] for row in listed] == ["version", first, second, first]
    assert ["live" in row for row in listed] == [False, True, False, False]
    assert run("rollback", "hello", "0123456789ab") == (
        "ussd: There is no menu version 0123456789ab. See them with: ussd versions SERVICE\n"
    )
    assert run("publish", folder.parent).startswith("ussd: ")
    assert run("publish", folder / "not") == f"ussd: There is no folder {folder / 'not'}.\n"
    assert run("migrate", "up", "nosuch").startswith("ussd: No migration: ")


def command_of(process: psutil.Process) -> str:
    """What it runs; nothing when it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.mark.slow
def test_try_on_a_folder_brings_its_own_server_and_takes_it_away(folder: Path) -> None:
    before = {process.pid for process in psutil.process_iter()}
    done = subprocess.run(
        [sys.executable, "-m", "ussd_engine.cli", "try", str(folder)],
        input="", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Hello\n")
    left = [process for process in psutil.process_iter() if process.pid not in before]
    assert not [process for process in left if "ussd-try-" in command_of(process)]


@pytest.mark.parametrize(("option", "lane"), [([], True), (["--lane"], True), (["--no-lane"], False)])
def test_one_server_has_the_lane_unless_it_is_told_not_to(
    monkeypatch: pytest.MonkeyPatch, option: list[str], lane: bool
) -> None:
    ran: list[bool] = []
    monkeypatch.setattr(running, "_run", lambda _settings, *, lane: ran.append(lane))
    monkeypatch.setattr(running, "settings", lambda: Settings(_env_file=None, env="test"))
    assert ussd("serve", "--port", str(free_port()), *option).exit_code == 0
    assert ran == [lane]


@pytest.mark.parametrize("option", [[], ["--no-lane"]])
def test_workers_are_told_of_the_lane_what_their_supervisor_is(
    monkeypatch: pytest.MonkeyPatch, option: list[str]
) -> None:
    commands: list[list[str]] = []
    offer = Offer(1, [3], 4, None, "metrics")

    class Supervisor:
        def __init__(self, count: int, command: Command, read: object) -> None:
            assert count == 2
            commands.append(list(command(offer)))

        async def run(self) -> None:
            """Nobody is started."""

    monkeypatch.setattr(workers, "Workers", Supervisor)
    monkeypatch.setattr(running, "settings", lambda: Settings(_env_file=None, env="test"))
    assert ussd("serve", "--port", str(free_port()), "--workers", "2", *option).exit_code == 0
    assert commands == [own_command("serve", "--place", offer.written(), *option)]


def test_a_folder_that_is_not_there_is_no_server() -> None:
    refused = ussd("try", "menus/nowhere")
    assert str(refused.exception) == "There is no folder menus/nowhere."


def test_a_server_that_cannot_listen_or_reach_its_stores_says_so(
    pg_url: str, redis_url: str, tmp_path: Path
) -> None:
    def refused(*arguments: str, **changes: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "ussd_engine.cli", *arguments],
            env={"DATABASE_URL": pg_url, "REDIS_URL": redis_url, "PATH": "/usr/bin:/bin"} | changes,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        return done.stderr

    nobody = "127.0.0.1:1"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"Cannot listen on 127.0.0.1 port {port}" in refused("serve", "--port", port)
    assert "PostgreSQL does not answer" in refused(
        "versions", "x", DATABASE_URL=f"postgresql://me@{nobody}/x"
    )
    assert "Redis does not answer" in refused("versions", "x", REDIS_URL=f"redis://{nobody}")
    (tmp_path / "file").touch()
    assert "Nothing can be kept in" in refused("dev", "--port", port, "--data", str(tmp_path / "file"))
