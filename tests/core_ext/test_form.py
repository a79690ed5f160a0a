"""Forms in one pass: what both readers give, and what they leave to the reader by the letter."""

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.core_ext.builds import Core, compiled, interpreted
from ussd_engine.numbers import places_of

NAMES = ("sessionId", "phone", "code", "n", "text")
PIECES = st.sampled_from(
    [*NAMES, "=", "&", "%2A", "%2a", "+", "%", "%4", "1", "*", "%00", "%C3%A9", "é", "other", ""]
)
PAIRS = st.tuples(st.sampled_from(NAMES), st.sampled_from(["", "1", "%2A1", "1=", "a+b"])).map("=".join)
FORMS = st.lists(PIECES, max_size=14).map("".join) | st.lists(PAIRS, max_size=6).map("&".join)


def form(core: Core) -> Any:
    return core.form.Form(NAMES, (64, 64, 64, 64), None, lambda digits: digits, None, {}, 160)


@given(st.lists(FORMS, max_size=4))
@example([""])
@example(["text="])
@example(["text=1&"])
@example(["&text=1"])
@example(["text=1&text=2"])
@example(["text=1=2&n=%2A+%2A"])
@example(["te%78t=1"])
@example(["code=1&n=2&text=3", "code=1&n=2&text=3", "code=1&code=1&n=2", "code=1", "code=12&n=2&text=3"])
@example(["text=text=text=1"])
def test_the_wanted_fields_are_those_of_the_whole_form_or_are_left_to_it(forms: list[str]) -> None:
    """One reader reads form after form, and remembers fields that come again."""
    for build in (compiled, interpreted):
        core = build()
        reader = form(core)
        for sent in forms:
            whole = core.form.plain_form(sent.encode(), 64)
            if reader.read(sent.encode()):
                assert whole is not None
                found = [None if value is None else value.decode() for value in reader.values]
                assert found == [whole.get(name) for name in NAMES]
                assert set(whole) <= set(NAMES)
            elif whole is not None:
                assert not set(whole) <= set(NAMES) or "%" in sent.partition("=")[0]


@given(FORMS)
def test_both_builds_read_alike(sent: str) -> None:
    one, other = (build() for build in (compiled, interpreted))
    assert one.form.plain_form(sent.encode(), 4) == other.form.plain_form(sent.encode(), 4)
    assert form(one).read(sent.encode()) == form(other).read(sent.encode())


def test_a_field_that_came_before_is_the_very_same_object(core: Core) -> None:
    reader = form(core)
    seen = []
    for text in ("", "1", "1*2"):
        assert reader.read(f"sessionId=a&phone=1&code=%2A1%23&n=63902&text={text}".encode())
        seen.append(reader.values[2:4])
    assert seen[0] == [b"*1#", b"63902"]
    assert all(one[0] is seen[0][0] and one[1] is seen[0][1] for one in seen)


PARTS = st.sampled_from(["2", "254", "[17]", "[0-9]", "[1-37]", "\\d", "7{2}", "[0-9]{3}", "\\d{0}"])
OTHER_PARTS = st.sampled_from([".", "1?", "(7|1)", "[^1]", "0+", "7{2,3}", "|", "\\+", "x", "[a-f]"])
NUMBERS = st.from_regex(r"[0-9]{0,12}", fullmatch=True) | st.text("01279:/ +a", max_size=12)


@given(st.lists(PARTS, max_size=4).map("".join), NUMBERS, st.data())
@example("254[17][0-9]{8}", "254712345678", None)
@example("254[17][0-9]{8}", "254812345678", None)
@example("254[17][0-9]{8}", "25471234567", None)
def test_what_is_a_number_by_its_places_is_one_by_its_pattern(
    pattern: str, number: str, data: st.DataObject | None
) -> None:
    if data is not None and data.draw(st.booleans()):
        number = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    places = places_of(pattern)
    assert places is not None
    for build in (compiled, interpreted):
        reader = build().form.Form(NAMES, (64, 64, 64, 64), None, NotImplemented, places, {}, 160)
        assert bool(reader.numbers(number.encode())) == bool(re.fullmatch(pattern, number, re.ASCII))


@given(st.lists(PARTS, max_size=3), OTHER_PARTS, st.lists(PARTS, max_size=3))
def test_a_pattern_of_more_than_places_is_left_to_itself(
    before: list[str], other: str, behind: list[str]
) -> None:
    pattern = "".join([*before, other, *behind])
    assert places_of(pattern) is None


def test_numbers_of_other_patterns_are_asked_about_once(core: Core) -> None:
    asked = []
    reader = core.form.Form(NAMES, (64, 64, 64, 64), None, asked.append, None, {}, 160)
    assert not reader.numbers(b"12")
    reader = core.form.Form(
        NAMES, (64, 64, 64, 64), None, lambda digits: asked.append(digits) or 1, None, {}, 160
    )
    assert reader.numbers(b"12")
    assert reader.numbers(b"12")
    assert asked == ["12", "12"]


def test_a_form_of_more_fields_than_allowed_is_left(core: Core) -> None:
    assert core.form.plain_form(b"a=1&b=2", 2) == {"a": "1", "b": "2"}
    assert core.form.plain_form(b"a=1&b=2&c=3", 2) is None
