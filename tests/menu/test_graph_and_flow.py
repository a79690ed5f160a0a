"""The whole: where ways lead, loops, and what has a value where."""
# ruff: noqa: E501  (tables of cases, one a line)

import pytest

from tests.menu.example import found_in, only

END = "  end: {end: Bye}\n"

GRAPH = [
    ("  start: {menu: Hi, options: [{en: A, to: ¦edn}]}\n" + END, "There is no state `edn`.", "Did you mean `end`?"),
    ("  start: {ask: A, as: text, save: text, to: ¦nowhere}\n" + END, "There is no state `nowhere`.",
     "Write a state with this name, or name one that exists."),
    ("  start: {choose: [{to: ¦edn}]}\n" + END, "There is no state `edn`.", "Did you mean `end`?"),
    ("  start: {choose: [{to: end}]}\n  ¦alone: {end: Bye}\n" + END, "Nothing leads to `alone`.",
     "Lead an option or a `to:` to it, or delete it."),
    ("  ¦start: {menu: Hi, options: [{en: A, to: more}]}\n  more: {menu: Hi, options: [{en: A, to: start}]}\n",
     "No way from `start` comes to an `end`. Nor do `more`.", "Lead one of its ways to an `end` state."),
    ("  ¦start:\n    choose: [{when: subscriber.registered, to: other}, {to: end}]\n"
     "  other: {choose: [{to: start}]}\n" + END, "This goes round without an answer: start → other → start.",
     "Put a menu, an ask or an end between, for example for the outcome `failed`."),
    ("  ¦start: {do: loans.count, with: {least: 1}, on: {ok: end, failed: start}}\n" + END,
     "This goes round without an answer: start → start.",
     "Put a menu, an ask or an end between, for example for the outcome `failed`."),
    ("  ¦start: {do: loans.history, save: items, on: {ok: list, none: end, failed: end}}\n"
     "  list: {list: Loans, of: items, item: \"{item.ref}\", empty: start, to: end}\n" + END,
     "This goes round without an answer: start → list → start.",
     "Put a menu, an ask or an end between, for example for the outcome `failed`."),
]  # fmt: skip


@pytest.mark.parametrize(("states", "message", "hint"), GRAPH)
def test_a_fault_of_the_graph_is_one_finding_at_its_place(states, message, hint):
    findings, place = found_in(states)
    assert only(findings, place) == (message, hint)


ASK = "  start: {menu: Hi, nav: none, options: [{en: A, to: ask}, {en: B, to: price}]}\n"
TEXT = "  ask: {ask: Say, as: text, save: text, nav: none, to: price}\n"
HOME = "  start: {ask: Say, as: text, save: text, to: home_screen}\n"


@pytest.mark.parametrize(
    ("states", "way"),
    [
        (ASK + TEXT + '  price: {end: "It is ¦{text}"}', "start → price"),
        ('  start: {end: "It is ¦{text}"}', "start"),
        (ASK + TEXT + '  price: {choose: [{when: ¦text == "a", to: start}, {to: end}]}\n' + END, "start → price"),
        (ASK + TEXT + "  price: {do: loans.quote, with: {amount: 5, purpose: ¦text}, "
         "on: {ok: end, too_much: end, failed: end}}\n" + END, "start → price"),
        # what an action returns is there after its outcomes, but not when it failed
        ("  start: {do: loans.count, with: {least: 1}, save: count, on: {ok: end, failed: sorry}}\n"
         '  end: {end: "{count}"}\n  sorry: {end: "¦{count}"}', "start → sorry"),
        ("  start: {do: loans.count, with: {least: 1}, save: count, on: {ok: end, failed: {to: end, "
         'say: "¦{count}"}}}\n' + END, "start"),
        # an ask's own answer is not there when its text is shown first
        ('  start: {ask: "You said ¦{text}", as: text, save: text, to: end}\n' + END, "start"),
    ],
)  # fmt: skip
def test_a_variable_that_may_have_no_value_is_found_with_the_way_that_leads_there(states, way):
    variable = "count" if "loans.count" in states else "text"
    findings, place = found_in(states)
    assert (
        only(findings, place)[0] == f"`{variable}` may have no value here: on the way {way} nothing sets it."
    )


def test_the_home_key_is_a_way_too():
    # home is `start` here, and it is reached from `second` before `second` has saved anything.
    findings, place = found_in(
        "  start: {do: loans.count, with: {least: 1}, on: {ok: first, failed: end}}\n"
        '  first: {menu: "Hi", options: [{en: A, to: ask}]}\n'
        "  ask: {ask: Say, as: text, save: text, to: last}\n"
        '  last: {menu: "{text}", options: [{en: A, to: end}]}\n'
        '  end: {end: "Bye"}  # ¦'
    )
    assert findings == [], place


def test_what_every_way_sets_may_be_used():
    states = (
        "  start: {menu: Hi, options: [{en: A, to: one}, {en: B, to: two}]}\n"
        "  one: {ask: Say, as: text, save: text, to: end}\n"
        "  two: {ask: Say, as: text, save: text, to: end}\n"
        '  end: {end: "{text}"}  # ¦'
    )
    assert found_in(states)[0] == []


PIN = "  start: {ask: PIN, as: pin, save: pin, to: buy}\n"
BUY = (
    "    do: loans.apply\n    with: {total: 1, pin: ¦pin}\n    on: {ok: end, wrong_pin: start, failed: end}\n"
)
GONE = "The secret `pin` is gone here: something was shown since it was asked for, or it was not asked for."


def test_a_secret_may_go_to_the_action_that_comes_at_once_or_after_another_action():
    assert found_in(PIN + "  buy:\n" + BUY + END)[0] == []
    between = "  buy: {do: loans.count, with: {least: 1}, on: {ok: now, failed: end}}\n  now:\n"
    assert found_in(PIN + between + BUY + END)[0] == []


def test_a_secret_is_gone_once_something_was_shown():
    findings, place = found_in(
        PIN
        + "  buy: {menu: Sure?, options: [{en: Yes, to: now}]}\n  now:\n"
        + BUY.replace("start", "end")
        + END
    )
    assert only(findings, place)[0] == GONE


def test_a_secret_is_not_there_on_a_way_that_did_not_ask_for_it():
    findings, place = found_in(
        "  start: {menu: Hi, nav: none, options: [{en: A, to: pin}, {en: B, to: buy}]}\n"
        + PIN.replace("start", "pin") + "  buy:\n" + BUY.replace("start", "end") + END
    )  # fmt: skip
    assert only(findings, place)[0] == GONE


@pytest.mark.parametrize(
    "states",
    [
        PIN.replace("buy", "end") + '  end: {end: "¦{pin}"}',
        PIN.replace("buy", "way")
        + "  way: {choose: [{when: '¦pin == \"1\"', to: start}, {to: end}]}\n"
        + END,
    ],
)
def test_a_secret_is_never_shown_nor_compared_later(states):
    findings, place = found_in(states)
    assert only(findings, place)[0] == "`pin` is a secret and can only be given to an action."


def test_an_asks_own_check_may_look_at_the_pin():
    states = (
        "  start:\n    ask: PIN\n    as: pin\n    save: pin\n    to: buy\n"
        "    check: [{when: 'pin == \"0000\"', say: Choose another}]\n  buy:\n"
    )
    assert found_in(states + BUY + END)[0] == []
