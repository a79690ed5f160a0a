# ruff: noqa: E501  (tables of cases, one a line)
import pytest

from tests.menu.example import HEAD, VARS, check, found_in, only

SET = """\
  first: {ask: A, as: text, save: text, to: second}
  second: {ask: A, as: money, save: amount, to: third}
  third: {ask: A, as: integer, save: count, to: fourth}
  fourth: {ask: A, as: digits, save: code, to: fifth}
  fifth: {ask: A, as: date, save: day, to: sixth}
  sixth: {ask: A, as: phone, save: number, to: seventh}
  seventh: {do: loans.history, save: items, on: {ok: eighth, none: end, failed: end}}
  eighth: {do: price, save: record, on: {ok: last, failed: end}}
  end: {end: Bye}
  start: {choose: [{to: first}]}
"""


def found_with_all_set(last):
    findings, place = found_in(
        SET.replace("eighth: {do: price, save: record,", "eighth: {do: loans.count, with: {least: 1},") + last
    )
    return findings, place


CONDITIONS = [
    ("¦amuont > 5", "There is no variable `amuont`.", "Did you mean `amount`?"),
    ("amount >¦", "Something is missing at the end of the condition.", ""),
    ("amount ¦= 500", "`=` is not known here.", "Write `==`."),
    ("amount > 500 ¦and count > 1", "`and` does not fit here.", "Write &&."),
    ("¦not subscriber.registered", "`not` is not known here.", "Write !"),
    ("¦amount > text", "Money cannot be compared with text.", ""),
    ("¦text == 1", "Text cannot be compared with a number.", ""),
    ("¦count", "This is a number, not true or false.", "Compare it with something: for example amount > 0."),
    ("subscriber.registered && ¦count", "This is a number where true or false belongs.", ""),
    ("¦lenght(text) > 3", "There is no function `lenght`.",
     "There are: size, int, string, has, .contains, .startsWith, .endsWith, .matches, .all, .exists, "
     ".exists_one, .filter, .map."),
    ("¦text.total > 1", "`text` is text and has no parts.", ""),
    ("¦1000 / count > 2", "This cannot be evaluated when the values are the least possible: division by zero.",
     "A list may be empty, a number 0 and a text without characters: ask for that first."),
    ("¦items[0].amount > 100",
     "This cannot be evaluated when the values are the least possible: the list has no such item.",
     "A list may be empty, a number 0 and a text without characters: ask for that first."),
    ("¦items[0].amuont > 100", "There is no `amuont` here.", ""),
    ("items.exists(x, ¦x.amuont > 100)", "`x` has no `amuont`.", "Did you mean `amount`?"),
    ("¦text in [1, 2]", "Text cannot be looked for among a number.", ""),
    ("amount > ¦50", "Money is counted in cents: 50 is KES 0.50.", "For KES 50 write 5000."),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "message", "hint"), CONDITIONS)
def test_a_fault_in_a_condition_is_found_at_its_column(condition, message, hint):
    findings, place = found_with_all_set(
        f"  last:\n    choose:\n      - when: {condition}\n        to: end\n      - to: end\n"
    )
    assert only(findings, place) == (message, hint)


@pytest.mark.parametrize(
    ("condition", "place", "message"),
    [
        ("subscriber.regsitered", "menu.yaml:14:15", "`subscriber` has no `regsitered`."),
        ("amount > 1.5", "menu.yaml:14:24", "Only whole numbers are known."),
        ('"amount > {amount}"', "menu.yaml:14:25", "`{` cannot be part of a condition."),
        ("amount > 100\n          && cuont > 1", "menu.yaml:15:14", "There is no variable `cuont`."),
    ],
)
def test_the_column_is_right_in_a_quoted_or_long_condition(condition, place, message):
    findings, _ = found_with_all_set(
        f"  last:\n    choose:\n      - when: {condition}\n        to: end\n      - to: end #¦\n"
    )
    assert only(findings, place)[0] == message


@pytest.mark.parametrize(
    "condition",
    [
        "amount > 50000 && subscriber.registered",
        "size(items) > 0 && items[0].amount > 10000",
        "items.exists(x, x.amount > 10000 && x.ref == text)",
        "text in ['a', 'b'] || code.startsWith('07')",
        "(count > 5 ? amount : 100) < 5000",
        "day < '2026-12-01'",
        "string(count) == code",
        "text.matches('^[a-z]+$')",
        "count + 5 * 2 - 1 >= 10 % 3",
    ],
)
def test_a_good_condition_has_no_findings(condition):
    states = f'  last:\n    choose:\n      - when: "{condition}"\n        to: end\n      - to: end #¦\n'
    assert found_with_all_set(states)[0] == []


TEXTS = [
    ("¦{txet}", "There is no variable `txet`.", "Did you mean `text`?"),
    ("¦{record}", "`record` is a record and cannot be shown.", "Name one of its parts."),
    ("¦{amount}", "`amount` is money and needs a filter.", "Write {amount|money}."),
    ("¦{day}", "`day` is date and needs a filter.", "Write {day|date}."),
    ("¦{text|money}", "The filter `money` does not fit `text`, which is text.", "It can have `upper` and `first`."),
    ("¦{text|uper}", "There is no filter `uper`.", "Did you mean `upper`?"),
    ("¦{subscriber.nmae}", "`subscriber` has no `nmae`.", "Did you mean `name`?"),
    ("¦{subscriber.registered}", "`subscriber.registered` is a flag and cannot be shown.",
     "Write two options or states, with `when`."),
    ("¦{amount + 1}", "`{amount + 1}` is not a name.",
     "Write {name}, {name.part} or {name|filter}. Texts have no arithmetic."),
    ("open ¦{ brace", "This `{` has no partner.", "Write {{ to show a brace."),
    ("closed ¦} brace", "This `}` has no partner.", "Write }} to show a brace."),
    ("good morning ¦☀", "The phone alphabet (GSM-7) does not have `☀`: the screen then holds 70 characters instead of 160.",
     "Write it with plain letters."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "hint"), TEXTS)
def test_a_fault_in_a_text_is_found_at_its_column(text, message, hint):
    if "record" in text:
        text = text.replace("record", "items")
        message = message.replace("record", "items", 1).replace("a record", "a list")
    findings, place = found_with_all_set(f'  last: {{end: "{text}"}}')
    assert only(findings, place) == (message, hint)


def test_typographic_characters_and_braces_are_fine():
    assert (
        found_with_all_set('  last: {end: "“Yes” – it’s {{here}}… {number|phone} {count|number}"} #¦')[0]
        == []
    )


def test_every_language_must_have_every_text():
    head = HEAD.replace("[en]", "[en, sw]") + VARS
    states = "states:\n  start:\n    menu: {en: Hi, sv: Habari}\n    options:\n      - {en: A, to: end}\n  end: {end: Bye}\n"
    findings = check({"service.yaml": head, "menu.yaml": states}).findings
    assert [(f.line, f.column, f.message, f.hint) for f in findings if f.severity == "error"] == [
        (3, 11, "The menu state `start` has no Swahili (sw) text.", 'Add sw: "…".'),
        (3, 20, "`sv` is not a language of this service.", "The languages are `en` and `sw`."),
        (5, 9, "The option has no Swahili (sw) text.", 'Add sw: "…".'),
    ]  # fmt: skip
