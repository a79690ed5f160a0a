"""Forms in one pass: what both readers give, and what they leave to the reader by the letter."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.core_ext.builds import Core, compiled, interpreted

NAMES = ("sessionId", "phone", "code", "n", "text")
PIECES = st.sampled_from(
    [*NAMES, "=", "&", "%2A", "%2a", "+", "%", "%4", "1", "*", "%00", "%C3%A9", "é", "other", ""]
)
PAIRS = st.tuples(st.sampled_from(NAMES), st.sampled_from(["", "1", "%2A1", "1=", "a+b"])).map("=".join)
FORMS = st.lists(PIECES, max_size=14).map("".join) | st.lists(PAIRS, max_size=6).map("&".join)


def form(core: Core) -> Any:
    return core.form.Form(NAMES, (64, 64, 64, 64), None, lambda digits: digits, {}, 160)


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


def test_a_form_of_more_fields_than_allowed_is_left(core: Core) -> None:
    assert core.form.plain_form(b"a=1&b=2", 2) == {"a": "1", "b": "2"}
    assert core.form.plain_form(b"a=1&b=2&c=3", 2) is None
