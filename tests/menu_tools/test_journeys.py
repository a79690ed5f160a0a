"""`ussd test`: journeys pass, fail with a difference people can read, and count what they reach."""

from pathlib import Path

from tests.menu_tools.folders import kiosk, written
from ussd_engine.menu.journeys import JourneyReport, run_folder

BUY = """
journey: Buy for 50
actions:
  shop.price:
    - ok: {total: 59, due: 2026-12-23}
      with: {amount: 50}
steps:
  - dial: "*123#"
    screen: |
      Kiosk <1>
      1. Buy "now"
      2. Leave
  - {press: "1", see: How much}
  - {press: "50", see: Bye 59, ends: true}
"""


def played(folder: Path, text: str) -> JourneyReport:
    return run_folder(written(folder, {"one": text}), kiosk())


def failure(folder: Path, text: str) -> str:
    """What is printed for the one journey, without the summary; paths as they are in the folder."""
    report = played(folder, text)
    assert not report.ok
    return report.render().replace(f"{folder}/", "").rsplit("\n\n", 1)[0]


def test_a_journey_that_goes_as_written_passes(tmp_path: Path) -> None:
    report = played(tmp_path, BUY)
    assert report.ok
    assert report.render().splitlines() == [
        "1 journey, 3 steps: all went as written.",
        "Reached 5 of 8 states, 1 of 2 options, 1 of 4 outcomes of actions.",
        "Screens in en: 3 of 5.",
        "Screens in sw: 0 of 5.",
        "States no journey reaches: left, pay, pin.",
    ]


def test_text_that_is_missing_is_shown_with_the_screen(tmp_path: Path) -> None:
    assert failure(tmp_path, BUY.replace("see: How much", "see: How little")).splitlines() == [
        "journeys/one.yaml:12: Buy for 50: failed after pressing '1'",
        "    expected to see: How little",
        "    the phone shows:",
        "      | How much?",
        "      | 0:Back 00:Home",
    ]


def test_a_screen_that_differs_is_shown_as_a_difference(tmp_path: Path) -> None:
    assert failure(tmp_path, BUY.replace("2. Leave", "2. Go")).splitlines() == [
        "journeys/one.yaml:7: Buy for 50: failed after dialling",
        "    - expected, + what the phone shows:",
        "        Kiosk <1>",
        '        1. Buy "now"',
        "      - 2. Go",
        "      + 2. Leave",
    ]


def test_a_call_that_ends_unexpectedly_fails(tmp_path: Path) -> None:
    assert "expected the call to go on, and it ended" in failure(tmp_path, BUY.replace(", ends: true", ""))


def test_a_call_that_goes_on_unexpectedly_fails(tmp_path: Path) -> None:
    text = BUY.replace("see: How much", "see: How much, ends: true")
    assert "expected the call to end, and it goes on" in failure(tmp_path, text)


def test_an_action_with_other_arguments_fails(tmp_path: Path) -> None:
    text = BUY.replace('{press: "50"', '{press: "60"')
    assert "shop.price was called with amount 60, and not 50." in failure(tmp_path, text)


def test_an_action_without_an_answer_fails(tmp_path: Path) -> None:
    text = BUY[: BUY.index("actions:")] + BUY[BUY.index("steps:") :]
    assert "The menu does shop.price, and the journey has no answer left for it." in failure(tmp_path, text)


def test_an_answer_nobody_asked_for_fails(tmp_path: Path) -> None:
    text = BUY.replace("with: {amount: 50}", "with: {amount: 50}\n    - failed")
    assert failure(tmp_path, text).splitlines() == [
        "journeys/one.yaml:6: Buy for 50: the menus never asked for this answer of shop.price",
        "    Delete it, or add the steps that lead there.",
    ]


def test_pressing_after_the_end_fails(tmp_path: Path) -> None:
    text = BUY + '  - {press: "1", see: Bye}\n'
    assert "The call is over, so nothing can be pressed." in failure(tmp_path, text)


def test_a_shortcut_never_types_a_pin(tmp_path: Path) -> None:
    report = played(
        tmp_path,
        """
journey: Shortcut
subscriber: {member: true}
actions:
  shop.price: [{ok: {total: 1000.01}}]
  shop.pay: [{ok: , with: {pin: "4071"}}]
steps:
  - {dial: "*123*1*50*1234#", see: "PIN?"}
  - {press: "4071", see: "Bye 1,000.01", ends: true}
""",
    )
    assert report.render().splitlines()[0] == "1 journey, 2 steps: all went as written."


def test_faults_of_a_journey_file_are_findings(tmp_path: Path) -> None:
    text = """
journey: Faults
subscriber: {membr: true}
actions:
  shop.prize: [ok]
  shop.price:
    - okay
    - {ok: {totl: 5}}
    - {ok: {total: five}}
steps:
  - {press: "1"}
  - {dial: "*124#", sea: Hello}
  - {see: Hello}
"""
    report = played(tmp_path, text)
    assert not report.ok
    messages = [problem.splitlines()[0].split("error: ")[1] for problem in report.problems]
    assert messages == [
        "No field is called `membr`.",
        "The menus never do `shop.prize`.",
        "`shop.price` has no outcome `okay`.",
        "No field is called `totl`.",
        "`five` is not an amount in shillings.",
        "A journey begins with a `dial`.",
        "`*124#` is not a code of this service.",
        "A step has no `sea`.",
        "A step has either `dial` or `press`.",
    ]
    assert "Did you mean `see`?" in report.problems[7]


def test_menus_with_errors_are_not_played(tmp_path: Path) -> None:
    folder = written(tmp_path, {"one": BUY})
    service = folder / "service.yaml"
    service.write_text(service.read_text().replace("ok: which", "ok: wich"))
    report = run_folder(folder, kiosk())
    assert not report.ok
    assert not report.played
    assert "Did you mean `which`?" in report.render()


def test_a_folder_without_journeys_is_not_a_pass(tmp_path: Path) -> None:
    report = run_folder(written(tmp_path, {}), kiosk())
    assert not report.ok
    assert "there are no journeys here" in report.render()
