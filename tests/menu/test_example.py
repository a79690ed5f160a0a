from core_ext.text import outside, size
from tests.menu.example import GOOD, check
from ussd_engine.menu import Finding, render
from ussd_engine.menu.messages import DEFAULTS


def test_the_good_example_has_no_findings_at_all():
    checked = check(GOOD)
    assert checked.findings == []
    assert checked.ok


def test_a_finding_is_printed_with_its_line_a_caret_and_what_to_do():
    sources = {"menus.yaml": "states:\n  main:\n    end: {to: amuont}\n"}
    finding = Finding(
        "menus.yaml", 3, 15, "error", "There is no state `amuont`.", "Did you mean `amount`?", "x"
    )
    assert render(finding, sources) == (
        "menus.yaml:3:15: error: There is no state `amuont`.\n"
        "    3 |     end: {to: amuont}\n"
        "      |               ^\n"
        "      = Did you mean `amount`?"
    )


def test_a_very_long_line_is_printed_around_the_caret_only():
    sources = {"a.yaml": "x" * 5000 + "HERE" + "y" * 5000}
    printed = render(Finding("a.yaml", 1, 5001, "error", "m"), sources).splitlines()
    assert len(printed[1]) < 200
    assert printed[1][printed[2].index("^")] == "H"


def test_a_finding_about_a_file_that_is_not_there_prints_without_a_line():
    assert render(Finding("no.yaml", 1, 1, "error", "Missing."), {}) == "no.yaml:1:1: error: Missing."


def test_the_engine_has_every_sentence_in_english_and_swahili_in_plain_gsm_on_one_screen():
    for name, texts in DEFAULTS.items():
        assert set(texts) == {"en", "sw"}, name
        for text in texts.values():
            assert outside(text) == ""
            assert size(text)[0] <= 120, text
