"""What a phone typed, read as a typed value or refused: never guessed at."""

import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_ext.builds import Core


def parse_phone(text: str) -> "str | None":
    return "254" + text[1:] if text.isdigit() and len(text) == 10 and text.startswith("07") else None


def read(core: Core, kind: str, text: str, **bounds: Any) -> Any:
    order = ("pattern", "min_length", "max_length", "min_value", "max_value")
    return core.answer.Reader(kind, *[bounds.get(name) for name in order], parse_phone).read(text)


def refusal(core: Core, kind: str, text: str, **bounds: Any) -> "tuple[str, Any]":
    with pytest.raises(core.answer.Refused) as caught:
        read(core, kind, text, **bounds)
    return caught.value.message, caught.value.limit


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("money", "500", 50_000),
        ("money", " 500 ", 50_000),
        ("money", "5,000", 500_000),
        ("money", "5 000", 500_000),
        ("money", "1,234,567.5", 123_456_750),
        ("money", "500.05", 50_005),
        ("money", "0", 0),
        ("integer", "007", 7),
        ("integer", "0", 0),
        ("digits", "0712", "0712"),
        ("pin", "0000", "0000"),
        ("text", "  Jane   Wanjiru ", "Jane Wanjiru"),
        ("text", "Nyambura Ñ", "Nyambura Ñ"),
        ("text", "12*34#", "12*34#"),
        ("phone", "0712345678", "254712345678"),
        ("date", "25122026", "2026-12-25"),
        ("date", "25/12/2026", "2026-12-25"),
        ("date", "1-02-2026", "2026-02-01"),
        ("date", "29 02 2028", "2028-02-29"),
    ],
)
def test_an_answer_reads_as_its_type(core: Core, kind: str, text: str, value: Any) -> None:
    assert read(core, kind, text) == value


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("money", ["", "abc", "-5", "5.", ".5", "5.001", "1,00", "1,0000", "5 00", "KES 5", "٥", "1e3",
                   "5,000 ,", "9" * 11, "5*6", "½", "５"]),
        ("integer", ["", "1.0", "-1", "+1", "1 000", "x", "٣", "9" * 13, "1_000"]),
        ("digits", ["", "12a", "1 2", "²", "-"]),
        ("pin", ["", "12a4", "1 2 3 4", "١٢٣٤"]),
        ("text", ["", "   ", "a\x00b", "a\nb", "\u202eevil"]),
        ("phone", ["", "123", "abc"]),
        ("date", ["", "31022026", "29022027", "00012026", "2026-12-25", "1.1.26", "32/01/2026", "12",
                  "25120000"]),
    ],
)  # fmt: skip
def test_what_does_not_read_is_refused_by_the_types_own_sentence(
    core: Core, kind: str, texts: list[str]
) -> None:
    assert {text: refusal(core, kind, text)[0] for text in texts} == dict.fromkeys(texts, f"invalid_{kind}")


def test_bounds_are_inclusive_and_told_with_the_refusal(core: Core) -> None:
    bounds = {"min_value": 50_000, "max_value": 500_000}
    assert [read(core, "money", text, **bounds) for text in ("500", "5000")] == [50_000, 500_000]
    assert refusal(core, "money", "499.99", **bounds) == ("too_small", 50_000)
    assert refusal(core, "money", "5000.01", **bounds) == ("too_large", 500_000)
    assert refusal(core, "integer", "8", min_value=1, max_value=7) == ("too_large", 7)
    assert refusal(core, "integer", "0", min_value=1, max_value=7) == ("too_small", 1)


def test_lengths_are_inclusive_and_counted_after_spaces_are_tidied(core: Core) -> None:
    assert read(core, "pin", "1234", min_length=4, max_length=4) == "1234"
    for text in ("123", "12345"):
        assert refusal(core, "pin", text, min_length=4, max_length=4)[0] == "invalid_pin"
    assert read(core, "text", " a   b ", max_length=3) == "a b"
    assert refusal(core, "text", "abcd", max_length=3)[0] == "invalid_text"


def test_a_pattern_must_match_the_whole_answer(core: Core) -> None:
    assert read(core, "pattern", "AB12", pattern="[A-Z]{2}[0-9]+") == "AB12"
    assert refusal(core, "pattern", "xAB12", pattern="[A-Z]{2}[0-9]+")[0] == "invalid_pattern"
    assert refusal(core, "pattern", "AB12x", pattern="[A-Z]{2}[0-9]+")[0] == "invalid_pattern"
    assert read(core, "pattern", "b", pattern="a|b") == "b"


@settings(max_examples=200, deadline=None)
@given(cents=st.integers(0, 10**12 - 1), separator=st.sampled_from(["", ",", " "]))
def test_money_is_read_back_as_it_was_written(core: Core, cents: int, separator: str) -> None:
    whole = f"{cents // 100:,}".replace(",", separator)
    assert read(core, "money", f"{whole}.{cents % 100:02d}") == cents


@settings(max_examples=200, deadline=None)
@given(day=st.dates(), separator=st.sampled_from(["", "/", "-", ".", " "]))
def test_dates_are_read_back_as_they_were_written(core: Core, day: datetime.date, separator: str) -> None:
    typed = separator.join([f"{day.day:02d}", f"{day.month:02d}", f"{day.year:04d}"])
    assert read(core, "date", typed) == day.isoformat()


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(["money", "integer", "digits", "pin", "text", "phone", "date"]), text=st.text())
def test_both_builds_read_any_text_alike_and_raise_nothing_but_refused(
    both: tuple[Core, Core], kind: str, text: str
) -> None:
    answers: list[Any] = []
    for core in both:
        try:
            answers.append(read(core, kind, text))
        except core.answer.Refused as refused:
            answers.append((refused.message, refused.limit))
    assert answers[0] == answers[1]
