"""Shape of states, keys, what is saved, actions: one fault, one finding, at its place."""
# ruff: noqa: E501  (tables of cases, one a line)

import pytest

from tests.menu.example import found_in, only

END = "\n  end: {end: Bye}"
MENU = "  start:\n    menu: Hi\n"

SHAPE = [
    ("  ¦start: {text: Hi}", "`start` says nothing to do.",
     "Give it one of `menu`, `ask`, `do`, `choose`, `list` and `end`."),
    ("  start: {end: Bye, ¦menu: Hi}", "`start` is a end and a menu at once.", "Make two states of it."),
    ("  start: ¦Bye", "The state `start` must have keys and values.", "Write each as `key: value`."),
    ("  ¦Start-1: {end: Bye}\n  start: {choose: [{to: Start-1}]}", "`Start-1` cannot be the name of a state.",
     "Use small letters, digits and _, a letter first, at most 40."),
    ("  start: {end: Bye, ¦to: start}", "The end state `start` has no `to`.", "It can have `end`."),
    (MENU + "    ¦optoins: [{en: A, to: end}]" + END, "The menu state `start` has no `optoins`.",
     "Did you mean `options`?"),
    (MENU + "    options: [{en: A, ¦too: end, to: end}]" + END, "An option has no `too`.", "Did you mean `to`?"),
    (MENU + "    options: [¦{to: end}]" + END, "The option has no English (en) text.", 'Add en: "…".'),
    (MENU + "    options: [{en: Yes, ¦please, to: end}]" + END, "An option has no `please`.",
     "A text with a comma inside { } needs quotes."),
    (MENU + "    ¦options: []", "The menu state `start` has no options.", "Add one, or make it an `end`."),
    (MENU + "    nav: ¦bcak\n    options: [{en: A, to: end}]" + END, "`nav` cannot be `bcak`.",
     "Did you mean `back`?"),
    (MENU + "    confirm: ¦yes\n    options: [{en: A, to: end}]" + END, "`confirm` cannot be `yes`.",
     "It can be `true` and `false`."),
    (MENU + "    resume: ¦ask\n    options: [{en: A, to: end}]" + END, "`resume` cannot be `ask`.",
     "It can be `true` and `false`."),
    (MENU + "    options: [{en: A, to: end, key: ¦a}]" + END, "`a` cannot be a key.",
     'Use 0-9, * and #, in quotes: "2".'),
    (MENU + "    options: [{en: A, to: end, language: ¦sw}]" + END, "`sw` is not a language of this service.",
     "The languages are `en`."),
    ("  start: {ask: Hi, as: ¦txt, save: text, to: end}\n  end: {end: \"{text}\"}", "`as` cannot be `txt`.",
     "Did you mean `text`?"),
    ("  start: {ask: Hi, as: text, length: ¦9..2, save: text, to: end}" + END, "`length` cannot be `9..2`.",
     "Write one number, or two with .. between: 4 or 1..20 (at most 160)."),
    ("  start: {ask: Hi, as: money, ¦length: 4, save: amount, to: end}" + END,
     "An answer that is money has no `length`.", "Use a `check` for how great or small it may be."),
    ("  start: {ask: Hi, as: {pattern: \"¦[A-\"}, save: text, to: end}" + END,
     "The pattern does not read: unterminated character set.", r"For example: [A-Z]{2}[0-9]{6}"),
    ("  start: {ask: Hi, as: {pattern: ¦(a+)+}, save: text, to: end}" + END,
     "The pattern repeats something that can vary, such as (a+)+, and can take for ever.",
     "Say how often: {2} or {1,10} instead of + or *."),
    ("  start:\n    choose:\n      - ¦{to: end}\n      - {to: end}" + END,
     "This case always holds, so those after it never count.", "Give it a `when`, or make it the last."),
    ("  start:\n    choose:\n      - ¦{when: subscriber.registered, to: end}" + END,
     "When no case holds there is nowhere to go.", "Add a last case without `when`: - {to: …}"),
]  # fmt: skip

ANSWERS = [
    (MENU + '    options: [{en: A, to: end, key: "1"}, {en: B, to: end, key: ¦"1"}]' + END,
     "The key `1` is already that of the option on line 4.", "Choose another key for one of them."),
    (MENU + '    options: [{en: A, to: end, key: ¦"00"}]' + END, "The key `00` is the home key of this service.",
     "Choose another key for this option."),
    ("  ¦start:\n    menu: Hi\n    options: [{en: A, to: end, when: subscriber.registered}]" + END,
     "Every option of `start` has a `when`: there may be none to choose.", "Leave one option without `when`."),
    (MENU + "    options: [{en: A, to: end, value: ¦a}]" + END, "This value is kept nowhere: the menu has no `save`.",
     "Add `save:` to the menu, or delete the value."),
    (MENU + "    save: text\n    options: [{en: A, to: end, value: a}, ¦{en: B, to: end}]" + END,
     "The menu saves what is chosen, and this option has no `value`.", "Add `value:` to it."),
    (MENU + "    save: text\n    options: [{en: A, to: end, value: ¦much too long}]" + END,
     "`much too long` is longer than `text` holds (12).", "Shorten it, or give the variable a greater `max`."),
    (MENU + "    save: code\n    options: [{en: A, to: end, value: ¦abc}]" + END,
     "`abc` is not digits, and `code` is.", "Use digits, or declare the variable as text."),
    (MENU + "    save: ¦txet\n    options: [{en: A, to: end, value: a}]" + END, "There is no variable `txet`.",
     "Did you mean `text`?"),
    ("  start: {ask: Hi, as: money, save: ¦text, to: end}" + END, "`text` is text and cannot keep an answer that is money.",
     "Declare it as money, or use another variable."),
    ("  start: {ask: Hi, as: text, length: 1..20, save: ¦text, to: end}" + END,
     "The answer may have 20 characters, and `text` holds 12.",
     "Shorten `length`, or give the variable a greater `max`."),
    ("  start: {ask: Hi, as: pin, save: ¦code, to: end}" + END,
     "`code` is declared under `vars:`, and a PIN is never kept.", "Give the PIN a name that is not a variable."),
]  # fmt: skip

DO = "  start:\n    do: loans.count\n    with: {least: 1}\n    save: count\n    on: {ok: end, failed: end}\n"
QUOTE = "    do: loans.quote\n    with: {amount: 5, purpose: \"'x'\"}\n    on: {ok: end, too_much: end, failed: end}\n"
ACTIONS = [
    (DO.replace("loans.count", "¦loans.cuont"), "There is no action `loans.cuont`.", "Did you mean `loans.count`?"),
    (DO.replace("loans.count", "¦loans.count").replace("    with: {least: 1}\n", ""), "`loans.count` needs `least`.",
     "Add it under `with:`, for example least: least."),
    (DO.replace("{least: 1}", "{least: 1, ¦lest: 2}"), "`loans.count` takes no `lest`.", "Did you mean `least`?"),
    (DO.replace("least: 1", "least: ¦\"'a'\""), "`least` must be integer, and this is text.", "It takes integer."),
    (DO.replace("start", "¦start").replace(", failed: end", ""), "`start` does not say where `failed` leads.",
     "Add to `on:` for example failed: NAME_OF_A_STATE."),
    (DO.replace("failed: end", "failed: end, ¦okay: end"), "`loans.count` has no outcome `okay`.", "Did you mean `ok`?"),
    (DO.replace("save: count", "save: ¦amount"),
     "`amount` cannot keep what `loans.count` returns: that is integer, not money.", "It returns integer."),
    (DO.replace("save: count", "save: ¦cuont"), "There is no variable `cuont`.", "Did you mean `count`?"),
    ("  start:\n" + QUOTE + "    save: ¦record\n",
     "`record` cannot keep what `loans.quote` returns: the variable has no `apr`.",
     "It returns total: money, due: date, apr: integer."),
    ("  start:\n" + QUOTE + "    save: ¦items\n",
     "`items` cannot keep what `loans.quote` returns: that is a record, not list.",
     "It returns total: money, due: date, apr: integer."),
    ("  start:\n    do: loans.apply\n    with: {total: 1, pin: ¦\"'1234'\"}\n    on: {ok: end, wrong_pin: end, failed: end}\n",
     "`pin` must be pin, and this is text.", "Only the name of an ask with `as: pin` fits here."),
    ("  start: {ask: PIN, as: pin, save: pin, to: buy}\n  buy:\n" + QUOTE.replace('"\'x\'"', "¦pin"),
     "`purpose` must be text, and this is pin.", "A secret can only be given to an argument that is a PIN."),
]  # fmt: skip


@pytest.mark.parametrize(("states", "message", "hint"), SHAPE + ANSWERS)
def test_a_fault_in_a_state_is_one_finding_at_its_place(states, message, hint):
    findings, place = found_in(states)
    assert only(findings, place) == (message, hint)


@pytest.mark.parametrize(("states", "message", "hint"), ACTIONS)
def test_a_fault_in_a_do_is_one_finding_at_its_place(states, message, hint):
    findings, place = found_in(states + "  end: {end: Bye}")
    assert only(findings, place) == (message, hint)


FETCH = "  start: {do: loans.history, save: items, on: {ok: list, none: end, failed: end}}\n"
LIST = '  list:\n    list: Loans\n    of: items\n    item: "{item.ref}"\n    empty: end\n    to: end\n'


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (LIST.replace("of: items", "of: ¦record"), "`record` is record and cannot keep the items of a list."),
        (LIST.replace("{item.ref}", "¦{item.rfe}"), "`item` has no `rfe`."),
        (LIST.replace("{item.ref}", "¦{item.amount}"), "`item.amount` is money and needs a filter."),
        (LIST.replace("Loans", '"¦{item.ref}"'), "`item` is known only in the `item` text of a list."),
        (LIST.replace("    to: end\n", "    save: ¦picked\n"), "A list without `to` has nothing to choose, so it saves nothing."),
    ],
)  # fmt: skip
def test_a_fault_in_a_list_is_found(states, message):
    findings, place = found_in(FETCH + states + "  end: {end: Bye}")
    assert (place, message) in [(f"{f.file}:{f.line}:{f.column}", f.message) for f in findings]


def test_the_outcome_late_may_be_handled_and_need_not_be():
    states = DO.replace("failed: end", "failed: end, late: end") + "  end: {end: Bye} #¦"
    assert found_in(states)[0] == []


def test_a_comment_in_an_unquoted_text_is_a_warning():
    findings, place = found_in("  start:\n    end: ¦Press # now\n")
    assert only(findings, place)[0] == "The text ends at the `#`: what follows is a comment."
    assert findings[0].severity == "warning"
