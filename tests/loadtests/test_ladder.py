import random

import pytest

from core_ext.dialog import END, Dialog
from loadtests.bench.ladder import Ladder
from ussd_engine.bundles import build


@pytest.mark.parametrize("states", [10, 11, 50, 300])
def test_every_screen_of_a_walk_is_the_one_the_menus_show(states: int) -> None:
    ladder = Ladder(states)
    program = build(ladder.sources()).program
    chance = random.Random(states)
    seen = set()
    for _ in range(1_000):
        walked = ladder.walk(chance)
        dialog = Dialog(None, {}, 0)
        results = [program.begin(dialog), *(program.step(dialog, typed) for typed, _ in walked[1:])]
        assert [result.text for result in results] == [screen.partition(" ")[2] for _, screen in walked]
        assert [result.kind == END for result in results] == [False] * 8 + [True]
        seen |= {screen for _, screen in walked}
        passed = [name for name in dialog.history if name.startswith("screen_")]
        assert len(passed) == len(set(passed)) == 7, "as much is kept of each dialog, at every size"
        assert {len(name) for name in passed} == {len("screen_0000")}
    assert len(seen) >= 0.8 * states
    assert len(program.states) == states


def test_each_dialog_has_the_same_kinds_of_turns_at_every_size() -> None:
    kinds = set()
    for states in (10, 50, 5_000):
        ladder = Ladder(states)
        for _ in range(200):
            walked = ladder.walk(random.Random())
            kinds.add(tuple("asks" if "how many" in screen else screen[:3] for _, screen in walked))
    assert kinds == {("CON",) * 6 + ("asks", "CON", "END")}


def test_two_versions_differ_on_every_screen() -> None:
    one, two = (Ladder(50, word).walk(random.Random(7)) for word in ("Page00", "Page01"))
    assert [typed for typed, _ in one] == [typed for typed, _ in two]
    assert all(mine != other for (_, mine), (_, other) in zip(one, two, strict=True))


def test_too_few_states_are_refused() -> None:
    with pytest.raises(ValueError, match="10 states or more"):
        Ladder(9).sources()
