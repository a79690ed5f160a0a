"""Forms in one pass: what both readers give, and what they leave to the reader by the letter."""

from hypothesis import example, given
from hypothesis import strategies as st

from core_ext.form import plain_fields, plain_form
from tests.core_ext.builds import Core

NAMES = ("sessionId", "text", "n")
PIECES = st.sampled_from(
    [*NAMES, "=", "&", "%2A", "%2a", "+", "%", "%4", "1", "*", "%00", "%C3%A9", "é", "other", ""]
)


@given(st.lists(PIECES, max_size=14).map("".join))
@example("")
@example("text=")
@example("text=1&")
@example("&text=1")
@example("text=1&text=2")
@example("text=1=2&n=%2A+%2A")
@example("te%78t=1")
def test_the_wanted_fields_are_those_of_the_whole_form_or_are_left_to_it(form: str) -> None:
    wanted = tuple(f"{name}=".encode() for name in NAMES)
    found = plain_fields(form.encode(), wanted)
    whole = plain_form(form.encode(), 64)
    if found is not None:
        assert whole is not None
        assert found == [whole.get(name) for name in NAMES]
        assert set(whole) <= set(NAMES)
    elif whole is not None:
        assert not set(whole) <= set(NAMES) or "%" in form.partition("=")[0]


@given(st.lists(PIECES, max_size=14).map("".join))
def test_both_builds_read_alike(form: str) -> None:
    from tests.core_ext.builds import compiled, interpreted

    one, other = (build().form for build in (compiled, interpreted))
    assert one.plain_form(form.encode(), 4) == other.plain_form(form.encode(), 4)
    assert one.plain_fields(form.encode(), (b"text=", b"n=")) == other.plain_fields(
        form.encode(), (b"text=", b"n=")
    )


def test_a_form_of_more_fields_than_allowed_is_left(core: Core) -> None:
    assert core.form.plain_form(b"a=1&b=2", 2) == {"a": "1", "b": "2"}
    assert core.form.plain_form(b"a=1&b=2&c=3", 2) is None
