# ruff: noqa: E501  (tables, as they are)
import json

from core_ext.dialog import NEED, Dialog
from core_ext.program import Program
from tests.menu.example import GOOD, Lender, check
from ussd_engine.menu import compile_expression, compile_model
from ussd_engine.menu.messages import DEFAULTS


def tables():
    model = check(GOOD).model
    assert model is not None
    return compile_model(model, Lender())


def state(name):
    found = next(row for row in tables()["states"] if row["name"] == name)
    return {key: value for key, value in found.items() if key != "keeps"}  # see test_liveness


def test_the_head_of_the_tables():
    head = {key: value for key, value in tables().items() if key not in ("messages", "states", "vars")}
    assert head == {
        "service": "small",
        "codes": ["*384*7#"],
        "languages": ["en", "sw"],
        "start": "route",
        "home": "main",
        "timeout_s": 90,
        "resume": "continue",
        "resume_for_s": 600,
        "screen": 160,
        "keys": {"back": "0", "home": "00", "more": "98"},
        "subscriber": {"registered": False, "name": ""},
    }


def test_tables_are_plain_json():
    assert json.loads(json.dumps(tables())) == tables()


def test_every_message_is_there_in_every_language_and_an_override_wins():
    messages = tables()["messages"]
    assert set(messages) == set(DEFAULTS)
    assert all(set(texts) == {"en", "sw"} for texts in messages.values())
    assert messages["invalid_choice"] == {"en": ["Choose a number."], "sw": ["Chagua namba."]}


def test_a_menu():
    assert state("purpose") == {
        "name": "purpose",
        "kind": "menu",
        "text": {
            "en": ["What for? KES ", [["amount"], "money"]],
            "sw": ["Ya nini? KES ", [["amount"], "money"]],
        },
        "options": [
            {"label": {"en": ["Emergency"], "sw": ["Dharura"]}, "value": "emergency", "to": "price",
             "key": None, "when": None, "language": None},
            {"label": {"en": ["Business"], "sw": ["Biashara"]}, "value": "business", "to": "price",
             "key": None, "when": "subscriber.registered", "language": None},
        ],
        "save": "purpose",
        "nav": "both",
        "guarded": False,
        "back": True,
        "resume": True,
    }  # fmt: skip


def test_an_ask_takes_its_greatest_value_from_the_variable():
    assert state("amount") == {
        "name": "amount", "kind": "ask", "text": {"en": ["How much?"], "sw": ["Kiasi gani?"]}, "as": "money",
        "save": "amount", "min_length": None, "max_length": None, "min_value": None, "max_value": 5_000_000,
        "check": [["amount < 50000", {"en": ["The least is KES 500."], "sw": ["Angalau KES 500."]}]],
        "invalid": None, "to": "purpose", "nav": "both", "guarded": False, "back": True,
        "resume": True,
    }  # fmt: skip


def test_a_pin_and_a_confirmation_are_guarded():
    pin = state("pin")
    assert (pin["as"], pin["min_length"], pin["max_length"], pin["guarded"], pin["back"]) == (
        "pin",
        4,
        4,
        True,
        False,
    )
    assert state("offer")["guarded"]
    assert not state("main")["guarded"]


def test_a_do_knows_whether_it_changes_anything():
    assert state("price") == {
        "name": "price",
        "kind": "do",
        "action": "loans.quote",
        "with": {"amount": "amount", "purpose": "purpose"},
        "save": "quote",
        "effect": False,
        "on": {
            "ok": ["offer", None],
            "too_much": ["amount", {"en": ["That is too much."], "sw": ["Hicho ni kingi."]}],
            "failed": ["sorry", None],
            "late": ["sorry", None],
        },
    }
    assert state("apply")["effect"]


def test_the_other_kinds():
    assert state("route") == {
        "name": "route",
        "kind": "choose",
        "cases": [["subscriber.registered", "main"], [None, "stranger"]],
    }
    assert state("loans") == {
        "name": "loans", "kind": "list", "text": {"en": ["Your loans"], "sw": ["Mikopo yako"]}, "of": "loans",
        "item": {language: [[["item", "ref"], ""], " KES ", [["item", "amount"], "money"]] for language in ("en", "sw")},
        "save": "picked", "to": "one_loan", "empty": "sorry", "options": [], "nav": "home", "guarded": False,
        "back": True, "resume": True,
    }  # fmt: skip
    assert state("stranger")["kind"] == "end"


def test_types():
    assert tables()["vars"]["amount"] == {"type": "money", "max": 5_000_000}
    assert tables()["vars"]["loans"] == {
        "type": "list",
        "max": 3,
        "of": {"ref": {"type": "text", "max": 8}, "amount": {"type": "money", "max": 5_000_000}},
    }


def test_typographic_characters_are_replaced_by_plain_ones_and_braces_unescaped():
    sources = {**GOOD, "service.yaml": GOOD["service.yaml"].replace("Please visit us", "“It’s” {{us}} – …")}
    model = check(sources).model
    assert model is not None
    rows = {row["name"]: row for row in compile_model(model, Lender())["states"]}
    assert rows["stranger"]["text"]["en"] == ['"It\'s" {us} - ... to join.']


def test_the_machine_runs_the_tables():
    program = Program(tables(), compile_expression, lambda text: text)
    dialog = Dialog(None, {"registered": True, "name": "Jane Wanjiru"}, 0)
    assert program.begin(dialog).text == "Hello Jane\n1. Borrow\n2. My loans\n3. Kiswahili"
    program.step(dialog, "1")
    assert program.step(dialog, "499").text.startswith("The least is KES 500.\nHow much?")
    program.step(dialog, "1000")
    need = program.step(dialog, "2")
    assert (need.kind, need.action, need.arguments) == (
        NEED, "loans.quote", {"amount": 100_000, "purpose": "business"},
    )  # fmt: skip
    shown = program.resume(dialog, "ok", {"total": 117_250, "due": "2026-12-23", "apr": 18_250}, None)
    assert shown.text == "Pay KES 1,172.50 by 23/12/2026, 182.5% a year\n1. I agree\n0:Back 00:Home"
