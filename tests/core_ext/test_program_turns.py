"""Actions, secrets, dropped calls and faults: each rule of the menu machine, by example."""

import json
from typing import Any

import pytest

from tests.core_ext.builds import Core
from tests.core_ext.rig import DONE, THREE, Walk, ask, choose, do, end, list_, menu, option, text

BACK = "0:Back 00:Home"
LONG = menu("long", option("a", "done"), text=text("word " * 60))


# -- actions -------------------------------------------------------------------------------------------


def quoting(core: Core, **more: Any) -> Walk:
    rows = (
        ask("amount", "money", "amount", "quote"),
        do("quote", **{"with": {"sum": "amount"}, "save": "limit", **more},
           on={"ok": "confirm", "too_much": ("amount", "Most is {limit.max|money}."), "failed": "sorry"}),
        menu("confirm", option("Yes", "done"), text=text("Pay {limit.max|money}?")),
        end("sorry"), DONE,
    )  # fmt: skip
    walk = Walk(core, *rows)
    walk.press("500")
    return walk


def test_a_do_asks_for_its_action_with_its_arguments(core: Core) -> None:
    walk = quoting(core, effect=True)
    assert walk.needs
    assert (walk.result.action, walk.result.arguments, walk.result.effect) == (
        "act.quote",
        {"sum": 50_000},
        True,
    )
    assert walk.dialog.doing == "quote"


def test_an_outcome_saves_its_value_says_its_words_and_goes_where_it_is_routed(core: Core) -> None:
    walk = quoting(core)
    assert walk.came("too_much", {"max": 40_000}) == "Most is 400.\namount?"
    assert walk.dialog.vars == {"amount": 50_000, "limit": {"max": 40_000}}
    assert not walk.result.refused
    walk.press("300")
    assert walk.came("ok").startswith("Pay 400?")  # an outcome without a value leaves the last one
    assert walk.dialog.note == ""


def test_back_from_what_follows_an_action_is_the_screen_before_it(core: Core) -> None:
    walk = quoting(core)
    walk.came("ok", {"max": 1})
    assert walk.press("0") == "amount?"


def test_back_never_crosses_an_effect_that_went_well(core: Core) -> None:
    walk = quoting(core, effect=True)
    assert walk.came("ok", {"max": 100}) == "Pay 1?\n1. Yes"
    assert walk.dialog.history == []
    failed = quoting(core, effect=True)
    assert failed.came("too_much", {"max": 100}) == "Most is 1.\namount?"


@pytest.mark.parametrize(("outcome", "words"), [("late", "late"), ("unheard_of", "fault")])
def test_an_outcome_nobody_routed_ends_with_a_plain_sentence(core: Core, outcome: str, words: str) -> None:
    walk = quoting(core)
    assert walk.came(outcome) == words
    assert walk.ended


def test_an_action_may_change_the_subscriber_and_the_language(core: Core) -> None:
    walk = quoting(core)
    walk.came("ok", {"max": 100}, {"language": "sw", "registered": True})
    assert walk.dialog.subscriber == {"language": "sw", "registered": True}
    assert walk.screen.startswith("PAY 1?")


def test_what_one_action_said_outlives_the_next_that_says_nothing(core: Core) -> None:
    rows = (do("first", on={"ok": ("second", "Saved."), "failed": "done"}),
            do("second", on={"ok": "menu", "failed": "done"}), menu("menu"), DONE)  # fmt: skip
    walk = Walk(core, *rows)
    walk.came("ok")
    assert walk.came("ok") == "Saved.\nmenu"


def test_choose_takes_the_first_case_that_holds(core: Core) -> None:
    cases = (("subscriber.registered", "known"), (None, "stranger"))
    rows = (choose("route", *cases), end("known"), end("stranger"))
    assert Walk(core, *rows, subscriber={"registered": True}).screen == "known"
    assert Walk(core, *rows).screen == "stranger"


# -- secrets -------------------------------------------------------------------------------------------


def paying(core: Core, *between: dict[str, Any], to: str = "pay") -> Walk:
    pin = ask("pin", "pin", "secret", to, min_length=4, max_length=4, guarded=True)
    routes = {"ok": "done", "wrong": ("pin", "Wrong."), "failed": "done"}
    pay = do("pay", **{"with": {"pin": "secret"}, "effect": True}, on=routes)
    return Walk(core, menu("one", option("go", "pin")), pin, *between, pay, DONE)


def test_a_secret_reaches_the_action_of_its_turn_and_nothing_else(core: Core) -> None:
    walk = paying(core)
    walk.press("1", "1397")
    assert walk.result.arguments == {"pin": "1397"}
    assert "1397" not in json.dumps(walk.dialog.dump())
    assert walk.came("wrong") == f"Wrong.\npin?\n{BACK}"
    assert walk.dialog.secrets == {}
    assert "1397" not in json.dumps(walk.dialog.dump())


def test_a_secret_is_gone_once_another_screen_is_shown(core: Core) -> None:
    walk = paying(core, menu("sure", option("Yes", "pay")), to="sure")
    walk.press("1", "1397")
    assert walk.dialog.secrets == {}
    walk.press("1")
    assert walk.result.arguments == {"pin": None}


def test_a_secret_passes_through_states_without_a_screen(core: Core) -> None:
    walk = paying(core, choose("route", (None, "pay")), to="route")
    walk.press("1", "1397")
    assert walk.result.arguments == {"pin": "1397"}


def test_a_refused_pin_is_kept_nowhere(core: Core) -> None:
    walk = paying(core)
    walk.press("1", "13979")
    assert walk.result.refused
    assert "13979" not in walk.screen + json.dumps(walk.dialog.dump()) + json.dumps(walk.dialog.secrets)


def test_a_direct_dial_can_see_where_it_must_stop(core: Core) -> None:
    """The engine feeds 1*500*1397 one by one and stops where `guarded` says so."""
    walk = paying(core)
    assert not walk.program.guarded(walk.dialog)
    walk.press("1")
    assert walk.program.guarded(walk.dialog)


# -- a dropped call ------------------------------------------------------------------------------------


def test_a_dialog_is_unfinished_past_its_first_screen(core: Core) -> None:
    walk = Walk(core, *THREE)
    assert not walk.program.unfinished(walk.dialog)
    walk.press("1")
    assert walk.program.unfinished(walk.dialog)
    walk.press("1", "2")
    assert walk.ended
    assert not walk.program.unfinished(walk.dialog)


def test_a_screen_that_only_tells_leaves_nothing_to_go_on_with(core: Core) -> None:
    walk = Walk(
        core, menu("one", option("A", "told")), menu("told", option("B", "two"), resume=False), menu("two")
    )
    walk.press("1")
    assert not walk.program.unfinished(walk.dialog)
    walk.press("1")
    assert walk.program.unfinished(walk.dialog)


def test_a_pin_behind_a_screen_that_only_tells_is_not_offered_again(core: Core) -> None:
    told = menu("told", option("B", "pin"), resume=False)
    walk = Walk(
        core, menu("one", option("A", "told")), told, ask("pin", "pin", "secret", "one", guarded=True)
    )
    first = walk.screen
    walk.press("1", "1")
    assert walk.program.unfinished(walk.dialog)
    walk.drop()
    walk.result = walk.program.offer(walk.dialog)
    assert walk.screen == first


def test_an_unfinished_dialog_is_offered_and_gone_on_with(core: Core) -> None:
    walk = Walk(core, *THREE)
    screen = walk.press("1")
    walk.drop()
    walk.result = walk.program.offer(walk.dialog)
    assert walk.screen == "resume_ask\n1. resume_continue\n2. resume_restart"
    walk.drop()
    assert walk.program.unfinished(walk.dialog)
    assert walk.press("7") == "invalid_choice\nresume_ask\n1. resume_continue\n2. resume_restart"
    assert walk.result.refused
    walk.drop()
    assert walk.program.show(walk.dialog).text == walk.screen
    assert walk.press("1") == screen


def test_an_offer_may_be_declined(core: Core) -> None:
    walk = Walk(core, *THREE)
    walk.press("1")
    walk.dialog.vars["name"] = "old"
    walk.result = walk.program.offer(walk.dialog)
    assert walk.press("2") == "one\n1. go\n2. ask"
    assert walk.dialog.dump() == {"state": "one", "language": "en"}


def test_an_offer_is_paged_on_a_small_screen(core: Core) -> None:
    walk = Walk(core, *THREE, phone_screen=40)
    walk.press("1")
    walk.result = walk.program.offer(walk.dialog)
    assert walk.screen == "resume_ask\n1. resume_continue\n98:More"
    assert walk.press("98") == "2. resume_restart"
    assert walk.press("98").startswith("invalid_choice\nresume_ask")


@pytest.mark.parametrize("how", ["offer", "go_on"])
def test_a_dropped_call_never_comes_back_into_a_pin_or_a_confirmation(core: Core, how: str) -> None:
    rows = (menu("one", option("go", "two")), menu("two", option("go", "sure")),
            menu("sure", option("Yes", "pin"), guarded=True), ask("pin", "pin", "secret", "done"),
            DONE)  # fmt: skip
    walk = Walk(core, *rows)
    walk.press("1", "1", "1")
    walk.drop()
    walk.result = getattr(walk.program, how)(walk.dialog)
    if how == "offer":
        walk.press("1")
    assert walk.dialog.state == "two"
    assert walk.dialog.history == ["one"]


def test_when_only_a_guarded_screen_is_left_the_dialog_begins_again(core: Core) -> None:
    walk = Walk(core, ask("pin", "pin", "secret", "two"), menu("two", guarded=True))
    walk.press("1234")
    for how in (walk.program.offer, walk.program.go_on):
        assert how(walk.dialog).text == "pin?"
        assert walk.dialog.dump() == {"state": "pin", "language": "en"}


# -- what is kept, and faults --------------------------------------------------------------------------


def test_what_is_kept_is_json_and_brings_the_same_screen_back(core: Core) -> None:
    walk = Walk(core, menu("one", option("go", "long")), LONG, DONE)
    walk.press("1", "x", "98")
    kept = json.loads(json.dumps(walk.dialog.dump()))
    assert kept == {
        "state": "long",
        "language": "en",
        "history": ["one"],
        "page": 1,
        "note": "invalid_choice",
    }
    again = walk.dialogs.Dialog(kept, {}, 0)
    assert walk.program.show(again).text == walk.screen


def test_the_trace_has_every_state_passed_and_every_option_taken(core: Core) -> None:
    walk = Walk(
        core, menu("one", option("a", "done"), option("b", "route")), choose("route", (None, "done")), DONE
    )
    walk.dialog.trace = []
    walk.press("2")
    assert walk.dialog.trace == [("one", 1), ("route", None), ("done", None)]


@pytest.mark.parametrize(
    "rows",
    [
        [choose("a", (None, "b")), choose("b", (None, "a"))],
        [choose("a", ("false", "b")), end("b")],
        [choose("a", (None, "nowhere"))],
        [list_("a", "a", None)],
    ],
)
def test_tables_that_cannot_go_on_raise_a_fault(core: Core, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(core.program.ProgramFault):
        Walk(core, *rows)


def test_a_fault_in_an_expression_never_tells_a_value(core: Core) -> None:
    walk = Walk(core, menu("m", option("a", "done", when="size(name) > 6")), DONE)
    walk.dialog.vars["name"] = 1397  # of a type the condition cannot take
    with pytest.raises(core.program.ProgramFault) as caught:
        walk.program.show(walk.dialog)
    assert "1397" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_stored_state_that_is_gone_is_a_fault_and_not_a_crash(core: Core) -> None:
    walk = Walk(core, *THREE)
    dialog = walk.dialogs.Dialog({"state": "gone", "language": "en"}, {}, 0)
    with pytest.raises(core.program.ProgramFault, match="no state named 'gone'"):
        walk.program.step(dialog, "1")
    assert not walk.program.unfinished(dialog)


def test_the_engines_sentences_come_in_the_dialogs_language(core: Core) -> None:
    walk = Walk(core, *THREE)
    assert walk.program.sentence("busy", "sw") == "BUSY"
    assert walk.program.sentence("busy", "fr") == "busy"
    result = walk.program.close(walk.dialog, "expired")
    assert (result.kind, result.text) == (walk.module.END, "expired")
