"""Each bench, tiny: it runs, its answers are right, and it notices when they are not."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from loadtests.bench import __main__ as command
from loadtests.bench import everything, publish, sessions
from loadtests.bench.report import Report
from loadtests.bench.walker import Wrong

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
QUICK = ["--seconds", "1", "--repeats", "1", "--connections", "8"]


def bench(folder: Path, *arguments: str) -> tuple[int, Report]:
    file = folder / "report.json"
    code = command.main([*arguments, *QUICK, "--report", str(file)])
    return code, Report.load(file.read_bytes())


def answered(values: Any) -> int:
    return sum(found["answers"] for found in values.values())


def test_sessions_are_written_as_the_engine_writes_them_and_all_answered_right(tmp_path: Path) -> None:
    code, report = bench(tmp_path, "sessions", "--sizes", "100,300")
    assert (code, report.faults) == (0, [])
    assert list(report.values["sizes"]) == ["100", "300"]
    assert answered(report.values["sizes"]) > 100
    assert 200 < report.values["sizes"]["300"]["bytes_each"] < 2_000
    assert "live sessions" in report.table()


def test_sessions_written_otherwise_than_the_engine_does_are_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = sessions._Model.record

    def padded(model: Any, number: int) -> bytes:
        return orjson.dumps(orjson.loads(honest(model, number)) | {"extra": 1})

    monkeypatch.setattr(sessions._Model, "record", padded)
    code, report = bench(tmp_path, "sessions", "--sizes", "60")
    assert code == 1
    assert "the engine writes" in report.faults[0]


def test_menus_of_any_size_are_served_right(tmp_path: Path) -> None:
    code, report = bench(tmp_path, "menus", "--states", "10,60")
    assert (code, report.faults) == (0, [])
    assert answered(report.values["states"]) > 100
    assert report.values["states"]["60"]["ussd_check_s"] > report.values["states"]["60"]["check_s"] > 0


def test_a_journey_leaves_a_loan_for_each_answer_and_pgbench_does_the_same(tmp_path: Path) -> None:
    code, report = bench(tmp_path, "journey", "--phones", "4", "--data", str(tmp_path))
    assert (code, report.faults) == (0, [])
    for name in ("cheap", "real", "pgbench"):
        assert report.values[name]["per_s"] > 0
    assert report.values["statements"] > 15
    assert report.values["pin_check_ms"] > 1


def test_a_new_version_comes_and_goes_under_load_without_a_wrong_answer(tmp_path: Path) -> None:
    code, report = bench(tmp_path, "publish", "--states", "10", "--waiting", "500", "--workers", "2")
    assert (code, report.faults) == (0, [])
    for kind in ("publish", "rollback"):
        assert report.values[kind]["first_s"] > 0
        assert report.values[kind]["all_s"] >= report.values[kind]["first_s"]


def test_a_screen_of_another_version_than_the_dialogs_first_is_wrong() -> None:
    traffic = publish.Waiters(port=1, states=10, versions=2, waiting=1)
    welcome = publish.version(10, 0).shown(-1).encode()
    dialog = traffic.dialog()
    assert b"text=" in next(dialog)
    assert dialog.send(welcome).endswith(traffic._walks[1][1][0].encode())
    right = traffic._walks[1][1][1]
    with pytest.raises(Wrong):
        dialog.send(right.replace(b"Page00", b"Page01"))


def test_a_cold_start_ends_with_a_right_reply(tmp_path: Path) -> None:
    code, report = bench(tmp_path, "cold", "--only", "serve")
    assert (code, report.faults) == (0, [])
    assert 0 < report.values["seconds_to_first_reply"]["serve"]["median"] < 60


def test_a_bench_that_fails_takes_nothing_of_the_others_with_it(tmp_path: Path) -> None:
    options = command._parser().parse_args(["all", *QUICK])
    report = everything.run(options, ["no such bench", "step"])
    assert report.values["step"]["step_us"] > 0
    assert "invalid choice" in report.values["no such bench"]["failed"]
    assert len(report.faults) == 1
    assert "us a turn" in report.table()
    machine = orjson.loads(orjson.dumps(report.values))["machine"]
    assert {"cpu", "cores", "memory", "redis", "python"} <= set(machine)


def test_a_list_of_sizes_must_be_counts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["sessions", "--sizes", "1000,zero"])
    assert "10,50,500" in capsys.readouterr().err
