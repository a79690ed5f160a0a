"""Phone lines without a network: the answers are those the oracle holds for right."""

import itertools
import random
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core_ext.program import OFFER
from loadtests.calls import FAILED, REACHED, Crowd, Line, Pause, Send
from loadtests.gateways import AFRICASTALKING, gateway_of
from loadtests.journeys import Journeys, read_journeys
from loadtests.lender import UNKNOWN_REF
from loadtests.mix import Faults, Mix
from loadtests.oracle import WrongAnswer
from loadtests.people import Strangers
from loadtests.shape import Phase
from loadtests.verdict import Limits

MAPS = Path(__file__).parents[1] / "gateways" / "maps"


@pytest.fixture(scope="module")
def journeys() -> Journeys:
    return read_journeys()


def mix(journey: str, **faults: float) -> Mix:
    shape = (Phase("all", 10, 1, 1),)
    return Mix("test", {journey: 1}, (1.0, 2.0), 10.0, Faults(**faults), shape, Limits(0, 100, 100))


def moving(mix: Mix, *names: str) -> Mix:
    """The same with other gateways, who take over three presses in ten."""
    gateways = tuple(gateway_of(MAPS / f"{name}.yaml") for name in names)
    return replace(mix, gateways=gateways, faults=replace(mix.faults, other_gateway=0.3))


def crowd(journeys: Journeys) -> Crowd:
    return Crowd(journeys, Strangers(0, 0, 1, random.Random(1)), random.Random(2))


def line(journeys: Journeys, people: Crowd, mix: Mix, seed: int = 3) -> Line:
    return Line(journeys, mix, people, 2, random.Random(seed))


def play(line: Line) -> list[Send]:
    """One call at a server that is always right; what was sent."""
    return [send for send, _ in shown(line)]


def shown(line: Line) -> list[tuple[Send, str]]:
    """The same, each with the state whose screen came of it."""
    sent: list[tuple[Send, str]] = []
    last = ""
    for step in line.call():
        if isinstance(step, Pause):
            assert 1 <= step.seconds <= 2
            continue
        assert line.who is not None
        if step.kind != "copy" or step.name == "two at once":
            last = line.who.phone._expected[0].body.replace(UNKNOWN_REF, "U4K7QXN")
        for _ in step.servers:
            step.check(last)
        assert line.who.phone.on is not None
        sent.append((step, line.who.phone.on.state))
    return sent


def test_a_stranger_joins_on_the_way_and_borrows(journeys: Journeys) -> None:
    one = line(journeys, crowd(journeys), mix("borrow"))
    sent = play(one)
    assert one.tally == {"borrow": Counter({REACHED: 1})}
    assert [step.kind for step in sent] == ["dial", *["press"] * (len(sent) - 1)]
    states = [step.name for step in sent]
    assert states[0] == "the code"
    assert states[-1] == "apply_pin"
    assert {"choose_pin", "repeat_pin", "main", "amount", "purpose", "offer"} <= set(states)
    texts = [step.form["text"] for step in sent]
    assert all(after.startswith(f"{before}*") for before, after in itertools.pairwise(texts[1:]))
    assert len({step.form["sessionId"] for step in sent}) == 1


def test_whoever_has_a_loan_is_not_sent_to_borrow_again(journeys: Journeys) -> None:
    one = line(journeys, crowd(journeys), mix("borrow"))
    phones = {play(one)[0].form["phoneNumber"] for _ in range(3)}
    assert len(phones) == 3


def test_gateways_copies_carry_the_same_or_an_older_text(journeys: Journeys) -> None:
    one = line(journeys, crowd(journeys), mix("join", copy=1, late_copy=1, copies_at_once=1))
    sent = play(one)
    assert one.tally["join"][REACHED] == 1
    again = [(a, b) for a, b in itertools.pairwise(sent) if b.name == "the same again"]
    assert again
    assert all(first.form == second.form for first, second in again)
    assert all(step.servers in ((0, 1), (1, 0)) for step in sent if step.name == "two at once")
    late = [(a, b) for a, b in itertools.pairwise(sent) if b.name == "a late one"]
    assert late
    assert all(len(second.form["text"]) < len(first.form["text"]) for first, second in late)


def test_all_that_was_typed_comes_by_another_gateway_as_a_shortcut_which_no_pin_is_in(
    journeys: Journeys,
) -> None:
    people = crowd(journeys)
    past_pin = []
    for seed in range(30):
        one = line(journeys, people, moving(mix("join"), "safaricom"), seed)
        call = shown(one)
        assert one.who is not None
        assert one.tally == {"join": Counter({REACHED: 1})}
        by = [send.gateway.name for send, _ in call]
        assert by == sorted(by)  # africastalking, then safaricom: it never goes back
        assert len({send.form.get("SESSION_ID") or send.form["sessionId"] for send, _ in call}) == 1
        past_pin += [
            state for send, state in call
            if send.name == "to safaricom" and f"*{one.who.person.pin}" in send.form["USSD_PARAMS"]
        ]  # fmt: skip
    assert past_pin
    assert not {"repeat_pin", "main"} & set(past_pin)


def test_a_press_by_a_gateway_that_sends_the_last_input_only_is_a_new_dial(journeys: Journeys) -> None:
    people = crowd(journeys)
    calls = [
        shown(line(journeys, people, moving(mix("borrow", copy=0.5), "airtel"), seed)) for seed in range(20)
    ]
    moved = [(send, state) for call in calls for send, state in call if send.kind == "move"]
    assert {send.name for send, _ in moved} == {"to airtel"}
    assert {state for _, state in moved} == {OFFER, "language"}  # nothing was typed: nothing to offer
    assert all(send.gateway == AFRICASTALKING for call in calls for send, _ in call if send.kind == "copy")


def test_who_was_cut_off_may_go_on_with_what_they_had_begun(journeys: Journeys) -> None:
    people = crowd(journeys)
    one = line(journeys, people, mix("borrow"))
    with closing(one.call()) as call:
        for step in call:
            assert one.who is not None
            if isinstance(step, Send):
                step.check(one.who.phone._expected[0].body)
            elif one.who.phone.on is not None and one.who.phone.on.state == "purpose":
                break
    one.close()
    other = line(replace(journeys, unfinished=("1",)), people, mix("wallet"))
    names = [send.name for send in play(other)]
    assert names[:3] == ["the code", "resume", "purpose"]
    assert other.tally == {"borrow": Counter({REACHED: 1})}


@pytest.mark.parametrize("journey", ["borrow", "repay", "history", "wallet", "language", "look_at_costs"])
def test_any_mistake_leads_to_a_screen_that_is_known(journeys: Journeys, journey: str) -> None:
    people = crowd(journeys)
    faults = {
        "mistype": 0.2,
        "back": 0.2,
        "wrong_pin": 0.2,
        "give_up": 0.02,
        "other_server": 0.5,
        "copy": 0.1,
    }
    one = line(journeys, people, moving(mix(journey, **faults), "safaricom", "airtel"))
    for _ in range(15):
        play(one)
    assert sum(one.tally[name].total() for name in one.tally) == 15
    assert all(FAILED not in ends for ends in one.tally.values())


def test_a_wrong_answer_ends_the_call_and_the_person_is_not_asked_again(journeys: Journeys) -> None:
    one = line(journeys, crowd(journeys), mix("join"))
    call = one.call()
    send = next(call)
    assert isinstance(send, Send)
    with pytest.raises(WrongAnswer):
        send.check("END Sorry, that did not work.")
    assert list(call) == []
    assert one.tally == {"join": Counter({FAILED: 1})}
    assert one.who is None


def test_a_copy_answered_differently_is_a_wrong_answer(journeys: Journeys) -> None:
    one = line(journeys, crowd(journeys), mix("join", copy=1))
    call = one.call()
    send = next(call)
    assert isinstance(send, Send)
    assert one.who is not None
    send.check(one.who.phone._expected[0].body)
    copy = next(call)
    assert isinstance(copy, Send)
    with pytest.raises(WrongAnswer, match="and to a copy"):
        copy.check("CON Hello")


def test_a_borrower_whose_line_is_taken_down_calls_again_from_another(journeys: Journeys) -> None:
    people = crowd(journeys)
    one = line(journeys, people, mix("join"))
    number = play(one)[0].form["phoneNumber"]
    one.close()
    assert one.who is None
    assert play(line(journeys, people, mix("status")))[0].form["phoneNumber"] == number


def test_no_pin_and_no_whole_number_is_in_what_might_be_printed(journeys: Journeys) -> None:
    one = line(journeys, crowd(journeys), mix("borrow"))
    sent = play(one)
    assert one.who is not None
    person = one.who.person
    printed = "".join(map(repr, sent)) + person.masked
    assert person.pin in sent[-1].form["text"]
    assert person.pin not in printed
    assert person.msisdn not in printed
