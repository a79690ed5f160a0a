"""What a screen shows and what may be answered to it: each rule of the menu machine, by example."""

from typing import Any

import pytest

from tests.core_ext.builds import Core
from tests.core_ext.rig import DONE, THREE, Walk, ask, do, end, list_, menu, option, text

BACK = "0:Back 00:Home"


# -- beginning -----------------------------------------------------------------------------------------


def test_a_dialog_begins_at_the_start_in_the_first_language(core: Core) -> None:
    walk = Walk(core, menu("hello", option("Go", "done")), DONE)
    assert walk.screen == "hello\n1. Go"
    assert walk.waits
    assert walk.dialog.dump() == {"state": "hello", "language": "en"}


@pytest.mark.parametrize(("language", "screen"), [("sw", "HELLO"), ("fr", "hello"), (None, "hello")])
def test_a_dialog_begins_in_the_subscribers_language_if_the_program_has_it(
    core: Core, language: Any, screen: str
) -> None:
    assert Walk(core, menu("hello"), subscriber={"language": language}).screen == screen


def test_an_option_can_change_the_language(core: Core) -> None:
    walk = Walk(core, menu("hello", option("Kiswahili", "done", language="sw")), DONE)
    assert walk.press("1") == "DONE"
    assert walk.ended


@pytest.mark.parametrize("length", [8, 32, 33, 64])
def test_states_are_told_apart_by_all_of_their_names(core: Core, length: int) -> None:
    names = [f"{'s' * (length - 4)}_{number:03d}" for number in range(120)]
    rows = [menu(name, option("On", names[(place + 7) % 120])) for place, name in enumerate(names)]
    walk = Walk(core, *rows, DONE)
    assert walk.dialog.state == names[0]
    for press in range(1, 40):
        assert walk.press("1").startswith(names[7 * press % 120])
        assert walk.dialog.history == [names[7 * earlier % 120] for earlier in range(press)][-32:]
    assert walk.press("0").startswith(names[7 * 38 % 120])
    walk.dialog.restore({"state": names[1][:-1], "language": "en"})
    with pytest.raises(core.program.ProgramFault, match="no state named"):
        walk.program.show(walk.dialog)


# -- menus ---------------------------------------------------------------------------------------------


def test_options_are_numbered_past_the_keys_that_are_fixed(core: Core) -> None:
    rows = [
        option("a", "done"),
        option("b", "done", key="2"),
        option("c", "done"),
        option("d", "done", key="#"),
    ]
    walk = Walk(core, menu("m", *rows, option("e", "done")), DONE)
    assert walk.screen == "m\n1. a\n2. b\n3. c\n#. d\n4. e"


def test_an_option_that_does_not_apply_is_not_shown_but_keeps_its_fixed_key(core: Core) -> None:
    rows = [
        option("a", "done", when="false"),
        option("b", "done", key="1", when="false"),
        option("c", "done"),
    ]
    walk = Walk(core, menu("m", *rows), DONE)
    assert walk.screen == "m\n2. c"
    assert walk.press("1") == "invalid_choice\nm\n2. c"
    assert walk.press("2") == "done"


def test_numbers_skip_the_navigation_keys(core: Core) -> None:
    keys = {"back": "1", "home": "3", "more": "2"}
    walk = Walk(core, menu("m", option("a", "done"), option("b", "done")), DONE, keys=keys)
    assert walk.screen == "m\n4. a\n5. b"


def test_a_condition_counts_only_when_it_is_true_itself(core: Core) -> None:
    walk = Walk(core, menu("m", option("a", "done", when="1"), option("b", "done", when="true")), DONE)
    assert walk.screen == "m\n1. b"


def test_a_chosen_option_saves_its_value(core: Core) -> None:
    options = [option("a", "done", value="alpha"), option("b", "done", value="beta")]
    walk = Walk(core, menu("m", *options, save="choice"), DONE)
    walk.press(" 2 ")
    assert walk.dialog.vars == {"choice": "beta"}


@pytest.mark.parametrize("typed", ["", "2", "01", "1 1", "１", "x" * 500, "*", "1*1", "\x00", "😀"])
def test_what_is_no_option_is_refused_with_a_note_above_the_same_screen(core: Core, typed: str) -> None:
    walk = Walk(core, menu("m", option("a", "done")), DONE)
    assert walk.press(typed) == "invalid_choice\nm\n1. a"
    assert walk.result.refused
    assert walk.press("1") == "done"
    assert not walk.result.refused


# -- asks ----------------------------------------------------------------------------------------------


def test_an_answer_is_kept_as_its_type_and_a_refused_one_is_not(core: Core) -> None:
    walk = Walk(
        core, ask("amount", "money", "amount", "done", max_value=500_000), end("done", "KES {amount|money}")
    )
    assert walk.press("lots") == "invalid_money\namount?"
    assert walk.press("5001") == "At most 5,000.\namount?"
    assert walk.dialog.vars == {}
    assert walk.press("1,500.50") == "KES 1,500.50"
    assert walk.dialog.vars == {"amount": 150_050}


def test_an_ask_may_have_its_own_words_for_what_does_not_read(core: Core) -> None:
    walk = Walk(core, ask("amount", "money", "amount", "done", invalid=text("Digits, {name}.")), DONE)
    walk.dialog.vars["name"] = "Jane"
    assert walk.press("x") == "Digits, Jane.\namount?"


def test_checks_are_asked_in_order_of_the_new_value_and_the_first_that_holds_refuses(core: Core) -> None:
    checks = [["false", text("never")], ["amount > 1000", text("Too much")], ["true", text("always")]]
    walk = Walk(core, ask("amount", "money", "amount", "done", check=checks), DONE)
    walk.dialog.vars["amount"] = 5
    assert walk.press("2000") == "Too much\namount?"
    assert walk.press("1") == "always\namount?"
    assert walk.dialog.vars == {"amount": 5}


def test_a_note_stays_while_paging_and_goes_with_the_next_good_answer(core: Core) -> None:
    long = ask("long", "integer", "count", "next", text=text("word " * 50))
    walk = Walk(core, long, menu("next", option("a", "done")), DONE)
    assert walk.press("x").startswith("invalid_integer\nword")
    assert walk.press("98").startswith("word")
    assert walk.press("0").startswith("invalid_integer\nword")
    assert walk.press("5") == f"next\n1. a\n{BACK}"
    assert "note" not in walk.dialog.dump()


# -- back and home -------------------------------------------------------------------------------------


def test_the_first_screen_has_nowhere_to_go_back_to(core: Core) -> None:
    walk = Walk(core, *THREE)
    assert walk.press("0").startswith("invalid_choice\none")
    assert walk.press("00").startswith("invalid_choice\none")
    assert "Back" not in walk.screen


def test_back_retraces_the_screens_one_by_one(core: Core) -> None:
    walk = Walk(core, *THREE)
    assert walk.press("1", "1") == f"three\n1. up\n2. end\n{BACK}"
    assert walk.press("0").startswith("two")
    assert walk.press("0") == "one\n1. go\n2. ask"


def test_home_goes_to_the_first_screen_and_forgets_the_way(core: Core) -> None:
    walk = Walk(core, *THREE)
    assert walk.press("1", "1", "00") == "one\n1. go\n2. ask"
    assert walk.dialog.history == []


def test_home_goes_to_the_programs_home(core: Core) -> None:
    walk = Walk(core, *THREE, home="two")
    assert walk.press("1") == "two\n1. go\n2. again\n3. first"
    assert walk.press("1", "00") == "two\n1. go\n2. again\n3. first"


def test_history_is_a_path_without_loops(core: Core) -> None:
    walk = Walk(core, *THREE)
    walk.press("1", "2", "2", "1", "1", "1")  # two again, and again, three, two, three
    assert walk.dialog.history == ["one", "two"]
    walk.press("1", "3")  # two, one
    assert walk.dialog.history == []


def test_history_is_bounded(core: Core) -> None:
    rows = [menu(f"s{n}", option("on", f"s{n + 1}")) for n in range(50)]
    walk = Walk(core, *rows, menu("s50"))
    walk.press(*["1"] * 50)
    assert walk.dialog.history == [f"s{n}" for n in range(50 - walk.module.MAX_HISTORY, 50)]


@pytest.mark.parametrize(
    ("nav", "back", "footer"),
    [
        ("both", True, "\n0:Back 00:Home"), ("back", True, "\n0:Back"), ("home", True, "\n00:Home"),
        ("none", True, ""), ("both", False, "\n00:Home"), ("back", False, ""),
    ],
)  # fmt: skip
def test_a_state_offers_and_accepts_the_navigation_it_declares(
    core: Core, nav: str, back: bool, footer: str
) -> None:
    walk = Walk(core, menu("one", option("go", "two")), menu("two", nav=nav, back=back))
    assert walk.press("1") == f"two{footer}"
    assert walk.press("0").startswith("one" if "0:Back" in footer else "invalid_choice\ntwo")
    walk.press("1")
    assert walk.press("00").startswith("one" if "00:Home" in footer else "invalid_choice\ntwo")


def test_back_wins_over_an_answer_that_is_the_same_key(core: Core) -> None:
    walk = Walk(core, menu("one", option("go", "count")), ask("count", "integer", "count", "done"), DONE)
    assert walk.press("1", "0") == "one\n1. go"


def test_back_drops_the_note(core: Core) -> None:
    walk = Walk(core, *THREE)
    assert walk.press("1", "x", "0") == "one\n1. go\n2. ask"


# -- pages ---------------------------------------------------------------------------------------------

LONG = menu("long", option("a", "done"), text=text("word " * 60))


def test_a_long_screen_has_more_and_back_keys_that_turn_its_pages(core: Core) -> None:
    walk = Walk(core, menu("one", option("go", "long")), LONG, DONE)
    first = walk.press("1")
    assert first.endswith("\n98:More 0:Back 00:Home")
    second = walk.press("98")
    assert second.endswith("\n98:More 0:Back")
    third = walk.press("98")
    assert third.endswith("\n1. a\n0:Back 00:Home")
    assert walk.dialog.dump()["page"] == 2
    assert [walk.press("0"), walk.press("0")] == [second, first]
    assert walk.press("0") == "one\n1. go"


def test_more_on_the_last_page_is_not_a_key(core: Core) -> None:
    walk = Walk(core, LONG, DONE)
    walk.press("98", "98")
    assert walk.press("98").startswith("invalid_choice\nword")
    assert walk.dialog.page == 0


def test_an_option_may_be_chosen_from_any_page(core: Core) -> None:
    assert Walk(core, LONG, DONE).press("1") == "done"


def test_a_new_screen_begins_at_its_first_page(core: Core) -> None:
    walk = Walk(core, LONG, menu("done", text=text("other " * 60)))
    walk.press("98", "1")
    assert "page" not in walk.dialog.dump()


def test_an_end_of_several_pages_is_over_with_the_last_and_has_no_way_back(core: Core) -> None:
    walk = Walk(core, menu("one", option("go", "bye")), end("bye", "word " * 60))
    first = walk.press("1")
    assert walk.waits
    assert first.endswith("\n98:More")
    assert walk.press("0") == walk.press("00") == walk.press("x") == first
    assert not walk.program.unfinished(walk.dialog)
    walk.press("98", "98")
    assert walk.ended
    assert ":" not in walk.screen


def test_a_smaller_phone_gets_more_pages(core: Core) -> None:
    for screen, pages in ((182, 2), (160, 3), (40, 12)):
        walk = Walk(core, LONG, DONE, phone_screen=screen)
        turned = 1
        while "98:More" in walk.screen:
            walk.press("98")
            turned += 1
        assert (screen, turned) == (screen, pages)


def test_on_a_small_screen_in_ucs2_the_keys_stand_without_their_labels(core: Core) -> None:
    walk = Walk(core, menu("one", option("go", "two")), menu("two", text=text("жук " * 6)), phone_screen=40)
    assert walk.press("1") == "жук жук\n98 0 00"
    assert walk.press("98") == "жук жук жук\n98 0"


# -- lists ---------------------------------------------------------------------------------------------

ITEMS = [{"ref": "A1", "hidden": 1}, {"ref": "B2"}]


def with_items(core: Core, *rows: dict[str, Any], items: Any = ITEMS) -> Walk:
    """A walk that has fetched items and shows what comes after."""
    walk = Walk(core, do("fetch", save="items", on={"ok": rows[0]["name"], "failed": "done"}), *rows, DONE)
    walk.came("ok", items)
    return walk


def test_items_are_numbered_and_the_chosen_one_is_saved(core: Core) -> None:
    walk = with_items(
        core, list_("loans", "done", "one", option("None", "done"), save="loan"), end("one", "{loan.ref}")
    )
    assert walk.screen == "loans\n1. A1\n2. B2\n3. None"
    assert walk.press("2") == "B2"
    assert walk.dialog.vars["loan"] == {"ref": "B2"}


def test_items_without_a_target_are_only_shown(core: Core) -> None:
    walk = with_items(core, list_("loans", "done", None, option("Ok", "done")))
    assert walk.screen == "loans\nA1\nB2\n1. Ok"
    assert walk.press("") == "invalid_choice\nloans\nA1\nB2\n1. Ok"
    assert walk.press("2").startswith("invalid_choice")
    assert walk.press("1") == "done"


@pytest.mark.parametrize("items", [[], None])
def test_an_empty_list_goes_to_its_empty_state(core: Core, items: Any) -> None:
    assert with_items(core, list_("loans", "nothing", None), end("nothing"), items=items).screen == "nothing"


def test_a_list_is_cut_to_what_was_declared(core: Core) -> None:
    walk = with_items(
        core, list_("loans", "done", None), items=[{"ref": f"{n}", "more": n} for n in range(9)]
    )
    assert walk.dialog.vars == {"items": [{"ref": "0"}, {"ref": "1"}, {"ref": "2"}]}
