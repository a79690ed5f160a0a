"""What dialogs were like is counted the same by the engine and by plain turns.

`way` runs each of these twice. Who was shown a state and neither left it nor was at the end dropped off.
"""

from collections import Counter
from typing import NamedTuple

import pytest

from tests.engine.conftest import CODE, MSISDN, OpenEngine, Phone, Shop
from ussd_engine.engine import Engine
from ussd_engine.observe.funnel import MOST_NETWORKS, OTHER, Funnel
from ussd_engine.settings import Settings


class Seen(NamedTuple):
    """What was counted of a state, without its dwell."""

    shown: int = 0
    left: int = 0
    refused: int = 0
    begun: int = 0
    ended: int = 0


def taken(engine: Engine) -> dict[str, Seen]:
    """What was counted since the last time, by state."""
    found: dict[str, Seen] = {}
    for _, audience in engine.board.funnel.audiences():
        for _, state, numbers in audience.take():
            found[state] = Seen(*map(sum, zip(found.get(state, Seen()), numbers[:5], strict=True)))
    return found


async def test_a_dialog_to_its_end(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    await phone.press("1", "5000000", "500", "1", "0001", "0002")
    assert taken(engine) == {
        "main": Seen(shown=1, left=1, begun=1),
        "amount": Seen(shown=1, left=1, refused=1),
        "confirm": Seen(shown=1, left=1),
        "pin": Seen(shown=1, left=1),  # a wrong PIN is asked for again, and no state was left for it
        "bought": Seen(shown=1, ended=1),
    }


async def test_whoever_hangs_up_dropped_off_where_they_were(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    await phone.press("2")
    await phone.dial()  # what was not finished is offered
    await phone.press("2", "9", "3")
    assert taken(engine) == {
        "main": Seen(shown=2, left=2, refused=1, begun=1),
        "nickname": Seen(shown=1),
        "@resume": Seen(shown=1, left=1, begun=1),
        "bye": Seen(shown=1, ended=1),
    }


async def test_back_and_home_are_ways_out_of_a_state(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    await phone.press("2", "0", "2", "Amina", "00")
    assert taken(engine) == {
        "main": Seen(shown=3, left=2, begun=1),
        "nickname": Seen(shown=2, left=2),
        "hello": Seen(shown=1, left=1),
    }


async def test_a_copy_counts_nothing(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    await phone.again()
    await phone.press("2")
    await phone.again()
    assert taken(engine) == {"main": Seen(shown=1, left=1, begun=1), "nickname": Seen(shown=1)}


async def test_a_dialled_string_begins_where_it_stops(phone: Phone, engine: Engine) -> None:
    await phone.dial("2*Amina")
    await phone.press("2")
    assert taken(engine) == {
        "hello": Seen(shown=1, left=1, begun=1),
        "bye": Seen(shown=1, ended=1),
    }


async def test_a_lost_session_goes_on_and_does_not_begin_again(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    await phone.press("1", "500", "1")
    await engine.store.call("DEL", f"ussd:{{{MSISDN}}}:{CODE}")
    await phone.press("0002")
    seen = taken(engine)
    assert seen["pin"] == Seen(shown=1, left=1)
    assert sum(state.begun for state in seen.values()) == 1
    assert sum(state.ended for state in seen.values()) == 1


async def test_an_effect_whose_session_was_lost_is_left_once(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    await phone.press("1", "500", "1", "0002")
    await engine.store.call("DEL", f"ussd:{{{MSISDN}}}:{CODE}")
    await phone.again()  # rebuilt from the effect on record
    seen = taken(engine)
    assert seen["pin"] == Seen(shown=1, left=2)
    assert sum(state.begun for state in seen.values()) == 1


async def test_a_session_the_engine_cuts_short_ended_where_it_was(
    phone: Phone, engine: Engine, shop: Shop
) -> None:
    async def fails(_call: object) -> None:
        raise TimeoutError

    await phone.dial()
    await phone.press("1", "500", "1")
    shop.before = fails
    await phone.press("0002")
    seen = taken(engine)
    assert seen["pin"] == Seen(shown=1, ended=1)  # nothing in the menu says what follows when it is late


async def test_dwell_is_from_a_screen_to_its_answer(
    phone: Phone, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await phone.dial()
    session, _ = await engine.sessions.load(MSISDN, CODE, "shop")
    assert session is not None
    for typed, seconds in (("2", 3), ("Amina", 15), ("2", 90)):
        session, _ = await engine.sessions.load(MSISDN, CODE, "shop")
        assert session is not None
        session.seen -= seconds * 1000
        assert await engine.sessions.save(MSISDN, CODE, "shop", session, 180)
        await phone.press(typed)
    buckets: Counter[str] = Counter()
    for _, audience in engine.board.funnel.audiences():
        for _, state, numbers in audience.take():
            buckets[state] = sum(10**place * number for place, number in enumerate(numbers[6:]))
            dwelt = numbers[5]
            assert {"main": 3, "nickname": 15, "hello": 90, "bye": 0}[state] == dwelt // 1000
    assert buckets == {"main": 10, "nickname": 1_000, "hello": 100_000, "bye": 0}


async def test_each_network_and_version_is_counted_apart(phone: Phone, engine: Engine) -> None:
    await phone.dial()
    [(version, _)] = engine.board.funnel.audiences()
    live = engine.bundles.for_code(CODE)
    assert live is not None
    assert version == ("shop", live.name, "safaricom")


async def test_two_workers_share_a_session_and_count_it_once(
    phone: Phone, engine: Engine, open_shop: OpenEngine, engine_settings: Settings
) -> None:
    other = await open_shop()
    await phone.dial()
    phone.engine = other
    await phone.press("2")
    assert taken(engine) == {"main": Seen(shown=1, begun=1)}
    assert taken(other) == {"main": Seen(left=1), "nickname": Seen(shown=1)}


def test_networks_without_end_fill_no_memory() -> None:
    funnel = Funnel()
    for number in range(5000):
        funnel.audience("shop", f"bundle{number // 100}", f"network{number}").at("en", "main").open(True)
    found = funnel.audiences()
    assert len(found) <= 1024 + 1
    per_bundle = Counter(version.bundle for version, _ in found if version.bundle != OTHER)
    assert max(per_bundle.values()) == MOST_NETWORKS + 1
    assert sum(numbers[0] for _, audience in found for _, _, numbers in audience.take()) == 5000
