"""Texts with slots: what each filter prints, and that a value cannot break a screen."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_ext.builds import Core


def rendered(core: Core, value: Any, name: str = "") -> str:
    return str(core.template.Template(["<", [["x"], name], ">"]).render({"x": value}, {}, None))


@pytest.mark.parametrize(
    ("name", "value", "printed"),
    [
        ("money", 500_000, "5,000"),
        ("money", 500_050, "5,000.50"),
        ("money", 5, "0.05"),
        ("money", 0, "0"),
        ("money", -123_456, "-1,234.56"),
        ("number", 1_234_567, "1,234,567"),
        ("percent", 1500, "15%"),
        ("percent", 18_250, "182.5%"),
        ("percent", 1_205, "12.05%"),
        ("percent", -50, "-0.5%"),
        ("percent", 1_000, "10%"),
        ("percent", 0, "0%"),
        ("date", "2026-11-23", "23/11/2026"),
        ("upper", "jane", "JANE"),
        ("first", "Jane Wanjiru", "Jane"),
        ("first", "Jane", "Jane"),
        ("phone", "254712345678", "07xx xxx 678"),
        ("phone", "256712345678", "xxx xxx 678"),
        ("", 7, "7"),
        ("", "a\nb\x00c", "a b c"),
        ("", "It’s “ok”…", 'It\'s "ok"...'),
        ("", "\u202eevil", " evil"),
        ("", "{x}", "{x}"),
    ],
)
def test_a_filter_prints(core: Core, name: str, value: Any, printed: str) -> None:
    assert rendered(core, value, name) == f"<{printed}>"


@given(st.integers(-(10**20), 10**20) | st.integers(-200_000, 200_000) | st.integers(99_000_000, 101_000_000))
def test_every_amount_has_its_thousands_and_its_cents_when_it_has_some(core: Core, cents: int) -> None:
    whole, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    assert rendered(core, cents, "money") == f"<{sign}{whole:,}{f'.{rest:02d}' if rest else ''}>"


def test_slots_reach_into_records_the_subscriber_and_the_item(core: Core) -> None:
    template = core.template.Template(
        [[["limit", "max"], "money"], "/", [["subscriber", "name"], "first"], "/", [["item", "ref"], ""]]
    )
    shown = template.render({"limit": {"max": 100}}, {"name": "Jane W"}, {"ref": "A1"})
    assert (shown, template.static) == ("1/Jane/A1", None)


@pytest.mark.parametrize(
    "variables", [{}, {"limit": None}, {"limit": {}}, {"limit": 5}, {"limit": {"max": None}}]
)
def test_a_value_that_is_not_there_prints_as_nothing(core: Core, variables: dict[str, Any]) -> None:
    assert core.template.Template(["<", [["limit", "max"], "money"], ">"]).render(variables, {}, None) == "<>"


def test_a_text_without_slots_is_static(core: Core) -> None:
    assert core.template.Template(["Hello ", "you"]).static == "Hello you"
    assert core.template.Template([]).static == ""


def test_an_unknown_filter_is_refused_when_the_template_is_built(core: Core) -> None:
    with pytest.raises(KeyError):
        core.template.Template([[["x"], "shout"]])


@settings(max_examples=200, deadline=None)
@given(value=st.text())
def test_a_printed_value_is_one_line_without_control_characters(both: tuple[Core, Core], value: str) -> None:
    first, second = (rendered(core, value) for core in both)
    assert first == second
    assert first.isprintable()
