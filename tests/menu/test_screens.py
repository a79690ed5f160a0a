import pytest

from tests.menu.example import found_in, only
from ussd_engine.menu.check.screens import longest_value
from ussd_engine.menu.model import VarType


@pytest.mark.parametrize(
    ("declared", "word", "longest"),
    [
        (VarType("money", 5_000_000), "money", "49,999.99"),
        (VarType("integer", 850), "", "850"),
        (VarType("integer", 12_345), "number", "12,345"),
        (VarType("integer", 20_000), "percent", "199.99%"),
        (VarType("text", 7), "upper", "MMMMMMM"),
        (VarType("digits", 6), "", "999999"),
        (VarType("date"), "date", "31/12/2026"),
        (VarType("phone"), "phone", "07xx xxx 789"),
    ],
)
def test_the_longest_text_of_a_value_is_known_from_its_type(declared, word, longest):
    assert longest_value(declared, word) == longest


def end_of(length: int) -> str:
    return f'  start: {{end: "¦{"x" * length}"}}'


def test_an_end_of_exactly_one_screen_is_fine():
    findings, _ = found_in(end_of(160))
    assert findings == []


def test_an_end_that_is_one_character_too_long_is_an_error():
    findings, place = found_in(end_of(161).replace('"¦', '¦"'))
    message, _ = only(findings, place)
    assert message.startswith(
        "At its longest this English (en) screen does not fit one page of 160 characters"
    )
    assert findings[0].severity == "error"


def test_a_variables_greatest_length_counts_not_the_length_of_its_name():
    states = '  start: {ask: Say, as: text, save: text, to: end}\n  end: {end: ¦"' + "x" * 149 + '{text}"}'
    findings, place = found_in(states)
    assert only(findings, place)
    assert found_in(states.replace("x" * 149, "x" * 148))[0] == []


def test_a_menu_that_pages_is_a_warning_that_says_how_many_pages():
    options = "".join(f"      - {{en: This is option number {n}, to: end}}\n" for n in range(12))
    findings, place = found_in(f"  start:\n    menu: ¦Choose\n    options:\n{options}  end: {{end: Bye}}")
    assert (
        only(findings, place)[0] == "At its longest this English (en) screen takes 3 pages of 160 characters."
    )
    assert findings[0].severity == "warning"


def test_the_line_for_back_and_home_counts_only_where_there_is_a_way_back():
    first = '  start: {menu: ¦"' + "x" * 140 + '", options: [{en: Go, to: two}]}\n'
    second = '  two: {menu: ¦"' + "x" * 140 + '", options: [{en: Go, to: end}]}\n'
    end = "  end: {end: Bye}"
    findings, place = found_in(first.replace("¦", "") + second + end)
    assert only(findings, place)[0].endswith("takes 2 pages of 160 characters.")


def test_options_with_a_condition_all_count():
    option = "      - {en: Something to choose here and now, to: end, when: subscriber.registered}\n"
    states = "  start:\n    menu: ¦Choose\n    options:\n      - {en: A, to: end}\n" + option * 6
    findings, place = found_in(states + "  end: {end: Bye}")
    assert only(findings, place)[0].endswith("takes 2 pages of 160 characters.")


def test_a_row_that_no_page_can_hold_is_an_error():
    label = "x" * 200
    findings, _ = found_in(
        f'  start:\n    menu: Hi\n    options: [{{en: ¦"{label}", to: end}}]\n  end: {{end: Bye}}'
    )
    errors = [finding.message for finding in findings if finding.severity == "error"]
    assert errors == ["One row of `start` takes 204 characters, and a screen holds 160."]


def test_a_character_outside_the_alphabet_makes_the_screen_smaller():
    findings, _ = found_in('  start: {end: "¦' + "x" * 80 + '☀"}')
    assert [finding.code for finding in findings] == ["too-long", "alphabet"]
