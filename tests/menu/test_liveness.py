"""What a session keeps: a variable lives while something may still read it."""

from pathlib import Path

from core_ext.dialog import Dialog
from ussd_engine.bundles import build
from ussd_engine.menu import read_sources
from ussd_engine.menu.liveness import live_variables

TEXT = {"en": ["Hi"]}


def test_a_variable_lives_from_where_it_is_saved_to_where_it_is_last_read():
    rows = [
        {"name": "main", "kind": "menu", "text": TEXT, "options": [{"label": TEXT, "to": "amount"}]},
        {"name": "amount", "kind": "ask", "text": TEXT, "save": "amount", "to": "quote"},
        {
            "name": "quote", "kind": "do", "with": {"amount": "amount"}, "save": "quote",
            "on": {"ok": ["offer", None], "failed": ["bye", None]},
        },
        {"name": "offer", "kind": "ask", "text": {"en": [[["quote", "total"], "money"]]}, "to": "bye"},
        {"name": "bye", "kind": "end", "text": {"en": [[["amount"], "money"]]}},
    ]  # fmt: skip
    assert live_variables(rows, {"amount": 1, "quote": 1}) == {
        "main": [], "amount": [], "quote": ["amount"], "offer": ["amount", "quote"], "bye": ["amount"],
    }  # fmt: skip


def test_what_nothing_can_read_any_more_is_forgotten_at_home_and_not_on_the_way(repository: Path):
    program = build(read_sources(repository / "menus" / "umoja")).program
    person = {"registered": True, "terms": "2026-11", "name": "Asha", "language": "en"}
    dialog = Dialog(None, program.subscriber | person, 0)
    program.begin(dialog)
    program.step(dialog, "4")
    loans = [{"ref": "U1", "amount": 100000, "date": "2026-11-01", "status": "repaid"}] * 3
    program.resume(dialog, "ok", loans, None)
    program.step(dialog, "2")
    assert set(dialog.vars) == {"loans", "past_loan"}
    program.step(dialog, "0")
    program.step(dialog, "00")
    assert dialog.vars == {}
