# ruff: noqa: E501  (tables of cases, one a line)
import pytest

from tests.menu.example import GOOD, HEAD, check, found_in_service, only

TOP = 'service: small\ncodes: ["*384*7#"]\nlanguages: [en]\nstart: start\n'


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (TOP + "¦langauges: [en]", "service.yaml has no `langauges`.", "Did you mean `languages`?"),
        (TOP + "screen: ¦200", "`screen` cannot be `200`.", "Write a whole number from 40 to 182."),
        (TOP + "session: {timeout: ¦3 min}", "`timeout` cannot be `3 min`.",
         "Write a number and s, m or h, from 10s to 3600s: for example 90s or 10m."),
        (TOP + "session: {resume: ¦aks}", "`resume` cannot be `aks`.", "Did you mean `ask`?"),
        (TOP + "session: {¦timout: 90s}", "`session` has no `timout`.", "Did you mean `timeout`?"),
        (TOP + "session: ¦90s", "`session` must have keys and values.", "Write each as `key: value`."),
        (TOP + 'keys: {back: "0", home: ¦"0"}', "`back` and `home` are both the key `0`.",
         "Give each its own key."),
        (TOP + "keys: {back: ¦x}", "`x` cannot be a key.", 'Use up to three of 0-9, * and #, in quotes: "0".'),
        (TOP + "keys:\n  back:¦ #", "`back` is empty.",
         'What follows `#` is a comment. If it belongs to the value, put quotes around it: "#…".'),
        (TOP + "home: ¦strat", "There is no state `strat`.", "Did you mean `start`?"),
        (TOP.replace("start: start", "start: ¦strat"), "There is no state `strat`.", "Did you mean `start`?"),
        (TOP.replace('"*384*7#"', '¦"384*7"'), "`384*7` is not a USSD code.",
         'Write it as it is dialled, in quotes: "*384*89598#".'),
        (TOP.replace('"*384*7#"', '"*384*7#", ¦"*384*7#"'), "`*384*7#` is there twice.", "Delete one."),
        (TOP.replace("[en]", "[en, ¦English]"), "`English` is not a language.",
         "Use the two-letter code, such as en or sw."),
        (TOP.replace("service: small", "service: ¦Small loans"), "`Small loans` cannot be the name of a service.",
         "Use small letters, digits and _, a letter first, at most 40."),
        (TOP.replace('["*384*7#"]', '¦"*384*7#"'), "`codes` must be a list.",
         "Write each entry on its own line after a dash: - …"),
        ("¦" + TOP.replace("service: small\n", ""), "service.yaml needs `service`.", "Add `service:` to it."),
        (TOP + "include: [¦lons.yaml]", "There is no file `lons.yaml` in this folder.",
         "Paths are counted from the folder of service.yaml, and end in .yaml."),
        (TOP + "messages: {¦invalid_chioce: Please}", "The engine has no message `invalid_chioce`.",
         "Did you mean `invalid_choice`?"),
        (TOP + 'messages: {too_large: "¦{most}"}', "There is no variable `most`.",
         "Declare it under `vars:` in service.yaml."),
    ],
)  # fmt: skip
def test_a_fault_in_service_yaml_is_found(text, message, hint):
    findings, place = found_in_service(text)
    assert only(findings, place) == (message, hint)


@pytest.mark.parametrize(
    ("declared", "message", "hint"),
    [
        ("¦Amount: {type: text, max: 4}", "`Amount` cannot be the name of a variable.",
         "Use small letters, digits and _, a letter first, at most 40."),
        ("¦in: {type: text, max: 4}", "`in` cannot be the name of a variable: it has a meaning of its own.",
         "Choose another name."),
        ("¦item: {type: text, max: 4}", "`item` cannot be the name of a variable: it has a meaning of its own.",
         "Choose another name."),
        ("a: ¦mony", "`a` cannot be `mony`.", "Did you mean `money`?"),
        ("a: {type: ¦pin, max: 4}", "`a` cannot be `pin`.",
         "A PIN is never kept: give its name in `save:` of an `ask` with `as: pin`, and nowhere else."),
        ("a: ¦money", "`a` is money and needs `max`.",
         "Write {type: money, max: …}, so that the longest screen is known."),
        ("a: {type: text, max: ¦0}", "`max` cannot be `0`.", "Write a whole number from 1 to 160."),
        ("a: {type: date, ¦max: 4}", "A date has no `max`.", "Delete it."),
        ("a: ¦{type: record}", "`a` is a record and needs `fields`.",
         "For example: fields: {ref: {type: text, max: 8}}"),
        ("a: {type: list, max: 3, of: {b: ¦list}}", "`b` cannot be `list`.",
         "The types are `text`, `digits`, `integer`, `money`, `phone`, `date` and `flag`."),
        ("a: {type: flag, ¦of: {b: date}}", "A flag has no `of`.", "Delete it."),
    ],
)  # fmt: skip
def test_a_fault_in_a_declaration_is_found(declared, message, hint):
    findings, place = found_in_service(f"{TOP}vars:\n  {declared}")
    findings = [finding for finding in findings if finding.code != "unused"]
    assert only(findings, place) == (message, hint)


def test_a_variable_nobody_reads_is_a_warning():
    findings, place = found_in_service(f"{TOP}vars:\n  ¦a: date")
    assert only(findings, place)[0] == "`a` is never used."
    assert findings[0].severity == "warning"


def test_a_folder_without_service_yaml_is_one_finding():
    checked = check({"loans.yaml": "states: {}"})
    assert checked.model is None
    assert not checked.ok
    assert [finding.message for finding in checked.findings] == ["There is no service.yaml in this folder."]


def test_a_language_the_engine_does_not_speak_needs_all_sentences():
    findings, place = found_in_service("¦" + TOP.replace("[en]", "[fr]"))
    message, hint = only(findings, place)
    assert message == "The engine does not speak `fr`: 23 of its sentences are missing."
    assert "`invalid_choice`" in hint


def messages_of(**files):
    return [
        (f.file, f.line, f.message)
        for f in check({name.replace("_", "."): t for name, t in files.items()}).findings
    ]


def test_files_that_include_each_other_are_found():
    head = HEAD.replace("vars:\n", "")
    assert messages_of(
        service_yaml=head,
        menu_yaml="include: [more.yaml]\n",
        more_yaml="include: [menu.yaml]\nstates: {start: {end: A}}",
    ) == [("more.yaml", 1, "These files include each other: menu.yaml → more.yaml → menu.yaml.")]


def test_a_file_included_twice_is_found():
    head = HEAD.replace("vars:\n", "").replace("[menu.yaml]", "[menu.yaml, ./menu.yaml]")
    assert messages_of(service_yaml=head, menu_yaml="states: {start: {end: A}}") == [
        ("service.yaml", 5, "`menu.yaml` is included already.")
    ]


def test_a_state_that_is_in_two_files_is_found():
    head = HEAD.replace("vars:\n", "").replace("[menu.yaml]", "[menu.yaml, more.yaml]")
    assert messages_of(
        service_yaml=head, menu_yaml="states:\n  start: {end: A}", more_yaml="states:\n  start: {end: B}"
    ) == [("more.yaml", 2, "There is a state `start` already, in menu.yaml on line 2.")]


def test_a_file_that_is_neither_included_nor_the_services_is_left_alone():
    assert check({**GOOD, "notes.yaml": "- anything: [at, all"}).findings == []


def test_variables_belong_in_service_yaml():
    findings = check({**GOOD, "loans.yaml": GOOD["loans.yaml"] + "vars:\n  a: date\n"}).findings
    assert [finding.message for finding in findings] == ["An included file has no `vars`."]


def test_a_fault_in_one_file_does_not_hide_those_in_another_nor_make_new_ones():
    broken = GOOD["loans.yaml"].replace("  sorry:\n", "  sorry: *\n")
    service = GOOD["service.yaml"].replace("Please visit us", "Please {visit} us")
    findings = check({"service.yaml": service, "loans.yaml": broken}).findings
    assert [(f.file, f.code) for f in findings if f.severity == "error"] == [
        ("service.yaml", "unknown-name"), ("loans.yaml", "syntax"),
    ]  # fmt: skip
