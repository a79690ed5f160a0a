# ruff: noqa: E501  (tables of cases, one a line)
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.menu.example import only, unmarked
from ussd_engine.menu.findings import Position, Report
from ussd_engine.menu.source import MAX_DEPTH, MAX_FILE, MAX_NODES, Mapping, Scalar, Sequence, parse


def read(text):
    report = Report()
    node, whole = parse("a.yaml", text, report)
    return node, whole, report.findings


def test_every_value_stays_the_text_that_was_written():
    node, whole, findings = read('{0: deny, 00: x, no: y, on: 0712, "#": 1_000, 98: ~}')
    assert whole
    assert findings == []
    assert [(key.value, value.value) for key, value in node] == [
        ("0", "deny"), ("00", "x"), ("no", "y"), ("on", "0712"), ("#", "1_000"), ("98", "~"),
    ]  # fmt: skip


def test_places_count_from_one_and_survive_a_byte_order_mark():
    node, _, _ = read("\ufeffa:\n  - b\n")
    assert isinstance(node, Mapping)
    ((key, value),) = node.pairs
    assert isinstance(value, Sequence)
    assert (key.at.line, key.at.column) == (1, 1)
    assert (value.items[0].at.line, value.items[0].at.column) == (2, 5)


@pytest.mark.parametrize(
    "text",
    [
        "a: some text with {¦name} in it",
        'a: "some text with {¦name} in it"',
        "a: 'it''s {¦name}'",
        'a: "two\\nlines {¦name}"',
        "a: |\n  two\n  lines {¦name}\n",
        "a: >\n  two\n  lines {¦name}\n",
        "a: |\n  name and {¦name} again\n",
        "a: two\n  lines {¦name}",
    ],
)
def test_the_place_inside_a_text_is_that_of_the_file(text):
    text, place = unmarked("a.yaml", text)
    node, _, _ = read(text)
    ((_, value),) = node.pairs
    at = value.within(value.value.index("{") + 1)
    assert f"a.yaml:{at.line}:{at.column}" == place


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("codes: [¦*384*89598#]", "A value that starts with `*` needs quotes.", "384*89598"),
        ("a: ¦*", "A value that starts with `*` needs quotes.", "Write it as"),
        ("a: ¦*name", "A `*` at the start of a value means a YAML alias, which menus do not use.", "quotes"),
        ("a: ¦&name x", "A `&` at the start of a value means a YAML anchor, which menus do not use.", "quotes"),
        ("a: ¦!!int 5", "A `!` at the start of a value means a YAML tag, which menus do not use.", "quotes"),
        ("a:\n¦\tb: c", "There is a tab here. Indentation must be spaces.", "two spaces"),
        ("a:\n  - b\n¦\t- c", "There is a tab here. Indentation must be spaces.", "two spaces"),
        ("a: ¦@b", "A value cannot start with `@` without quotes.", '"@…"'),
        ("a: ¦%b", "A value cannot start with `%` without quotes.", '"%…"'),
        ("a: b¦: c", "There is a `:` where none can be.", "needs quotes"),
        ('a: ¦"b\nc: d', "This quote is never closed.", "same quote"),
        ('a: "¦\\q"', "This backslash means nothing in double quotes.", "\\\\"),
        ("a: {limit.min} ¦to", "Something follows a closing bracket.", "needs quotes around all"),
        ("a: ¦[b, c\nd: e", "A bracket is not closed, or a text inside brackets has a `,` or `:` in it.", "Close"),
        ("a:\n  b: c\n ¦d: e", "This line does not fit the lines above it (did not find expected key).", "column"),
        ("a: b\n¦---\nc: d", "A second document starts here (`---`).", "file of its own"),
        ("a: b¦\x00", "A character that cannot be seen (U+0000) is here.", "Delete"),
        ("a: ¦\udcff", "The file is not saved as UTF-8.", "UTF-8"),
    ],
)  # fmt: skip
def test_a_syntax_error_is_said_in_words_that_help(text, message, hint):
    text, place = unmarked("a.yaml", text)
    _, whole, findings = read(text)
    assert not whole
    said, advice = only(findings, place)
    assert said == message
    assert hint in advice


def test_a_key_that_is_there_twice_is_reported_and_the_first_counts():
    text, place = unmarked("a.yaml", "a: 1\nb: 2\n¦a: 3\n")
    node, whole, findings = read(text)
    assert only(findings, place)[0] == "`a` is already there, on line 1."
    assert whole
    assert [(key.value, value.value) for key, value in node] == [("a", "1"), ("b", "2")]


def test_what_was_read_before_a_syntax_error_is_kept():
    node, whole, _ = read("states:\n  a: {end: Bye}\n  b: {end: Bye}\n  c: *\n")
    assert not whole
    states = node.pairs[0][1]
    assert [key.value for key, _ in states][:2] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a" * (MAX_FILE + 1), f"The file has more than {MAX_FILE} characters."),
        ("- 1\n" * (MAX_NODES + 1), f"The file has more than {MAX_NODES} entries."),
        ("[" * 900, f"Entries are nested more than {MAX_DEPTH} deep."),
        ("{a: " * 5000, f"Entries are nested more than {MAX_DEPTH} deep."),
    ],
)
def test_a_hostile_file_is_bounded(text, message):
    _, whole, findings = read(text)
    assert not whole
    assert findings[0].message == message


def test_aliases_that_would_multiply_are_refused_before_they_do():
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    _, whole, findings = read(bomb)
    assert not whole
    assert len(findings) == 1


@given(st.text(alphabet=st.characters() | st.sampled_from("{}[]:,-#*&!|>'\"%@`\n \t?"), max_size=200))
def test_no_text_makes_the_reader_raise_and_no_place_is_outside_the_file(text):
    _, whole, findings = read(text)
    assert whole or findings
    lines = (
        text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029")
    )
    for finding in findings:
        assert 1 <= finding.line <= lines + 2


@given(st.text(max_size=60), st.integers(0, 60))
def test_every_offset_of_a_scalar_has_a_place(value, offset):
    place = Scalar(value, Position("a.yaml", 1, 1), value).within(offset)
    assert place.line >= 1
    assert place.column >= 1
