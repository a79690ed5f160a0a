# ruff: noqa: E501, PT017  (tables of cases, one a line; an error is one of two good answers)
import string

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_ext.condition import Condition
from core_ext.dialog import Dialog, ProgramFault
from ussd_engine.menu import ExpressionError, compile_expression

NAMES = st.sampled_from(["a", "b", "limit", "x1"])
VALUES = st.integers(-(2**62), 2**62) | st.text(max_size=20) | st.booleans() | st.none()
NESTED = st.recursive(VALUES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)


@given(st.dictionaries(NAMES, NESTED, min_size=1), st.lists(NAMES, min_size=1, max_size=4))
def test_a_path_read_here_gives_what_cel_gives(scope, path):
    source = ".".join(path)
    try:
        expected = cel.evaluate(source, scope)
    except Exception:
        with pytest.raises(ExpressionError):
            compile_expression(source)(scope)
    else:
        assert compile_expression(source)(scope) == expected


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.text(string.ascii_letters, max_size=5))
def test_flat_paths_give_what_cel_gives_with_whole_records(amount, most, name):
    scope = {"amount": amount, "limit": {"max": most, "min": 0}, "me": {"name": name}, "l": [{"a": amount}]}
    for source in (
        "amount > limit.max",
        "limit.max - limit.min < amount || me.name == 'Jane'",
        "has(limit.max) && has(limit.foo)",
        "l.exists(limit, limit.a == amount)",
        "l.map(x, x.a + limit.max)[0] > 3",
        "me.name.startsWith('J') ? limit.max : amount",
        '\'limit.max\' == me.name || "a\\"limit.max" != me.name',
        "limit.max in [amount, limit.min]",
        "p_0_.x == limit.max || amount == 1",
    ):
        full = {**scope, "p_0_": {"x": 7}}
        assert compile_expression(source)(full) == cel.evaluate(source, full), source


OPERANDS = (
    st.integers(-(2**62), 2**62) | st.integers(-2, 2) | st.sampled_from(["", "a", "repaid"]) | st.booleans()
)


@given(OPERANDS, OPERANDS | st.none(), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
def test_a_comparison_made_in_the_core_gives_what_cel_gives(one, other, sign):
    scope = {"a": one, "limit": {"max": other}}
    dialog = Dialog({"vars": scope}, {}, 0)
    for source in (
        f"a {sign} limit.max", f"limit.max {sign} a", f"a {sign} 1", f"'repaid' {sign} limit.max", "limit.max",
        f"limit.min {sign} a", f"a {sign} 1 || limit.max {sign} a", f"a {sign} limit.max && a {sign} 0",
        f"(a {sign} 1 && a < 5) || limit.max {sign} 2 || limit.max == 1",
    ):  # fmt: skip
        condition = Condition(compile_expression(source))
        try:
            expected = cel.evaluate(source, scope)
        except Exception:
            with pytest.raises(ExpressionError):
                compile_expression(source)(scope)
            with pytest.raises(ProgramFault):
                condition.of(dialog)
        else:
            for found in (compile_expression(source)(scope), condition.of(dialog)):
                assert (found, type(found)) == (expected, type(expected))


def test_a_condition_reads_the_answer_that_is_checked_and_a_secret_before_a_variable():
    dialog = Dialog({"vars": {"a": 1, "b": 2}}, {"tier": 3}, 0)
    dialog.secrets = {"b": 5}
    assert Condition(compile_expression("a == 7")).of(dialog, "a", 7) is True
    assert Condition(compile_expression("b")).of(dialog) == 5
    assert Condition(compile_expression("subscriber.tier >= b")).of(dialog) is False


@given(st.text(alphabet="ab.()[]!&|<>=+-*/?:,'\" 19\\\n", max_size=60) | st.text(max_size=40))
def test_no_text_makes_the_compiler_raise_anything_but_its_own_error(source):
    try:
        compile_expression(source)
    except ExpressionError as error:
        assert str(error)
        assert error.offset is None or 0 <= error.offset <= len(source)


@pytest.mark.parametrize(
    "source",
    ["(" * 100 + "a" + ")" * 100, "!" * 400 + "a", "-" * 400 + "1", "[" * 200 + "]" * 200, "a?" * 200, "a" * 501,
     "a" + " + a" * 120, "a.b" * 160, "a ? b : " * 50 + "c"],
)  # fmt: skip
def test_a_hostile_expression_is_refused_or_compiled_but_never_crashes(source):
    try:
        compile_expression(source)
    except ExpressionError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("amount > limit.max && subscriber.registered", ("amount", "limit", "subscriber")),
        ("'amount' == \"limit\"", ()),
        ("items.exists(x, x.amount > most)", ("items", "most")),
        ("has(loan.ref)", ("loan",)),
        ("x.all(x, x > 0)", ("x",)),
        ("limit.max", ("limit",)),
        ("15", ()),
    ],
)
def test_the_names_are_the_root_variables(source, names):
    assert compile_expression(source).names == names


@pytest.mark.parametrize(("source", "value"), [("'a'", "a"), ('"2026-11"', "2026-11"), ("5", 5), ("true", True),
                                               ("null", None), (r"'it\'s'", "it's")])  # fmt: skip
def test_a_literal_needs_no_scope(source, value):
    assert compile_expression(source)({}) == value


@pytest.mark.parametrize(
    ("source", "offset"),
    [
        ("a >", 3),
        ("a = b", 2),
        ("a and b", 2),
        ("foo(a)", 0),
        ("1.5 > a", 0),
        ("(a", 2),
        ("'x", 0),
        ("a b", 2),
    ],
)
def test_a_fault_says_where_it_is(source, offset):
    with pytest.raises(ExpressionError) as raised:
        compile_expression(source)
    assert raised.value.offset == offset


def test_an_error_at_run_time_never_carries_the_value():
    expression = compile_expression("pin + 1 == 2")
    with pytest.raises(ExpressionError) as raised:
        expression({"pin": "4711"})
    assert "4711" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_an_expression_is_compiled_once():
    assert compile_expression("a > 1") is compile_expression("a > 1")
