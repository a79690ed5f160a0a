"""What a request means for the session that is there. The vectors are ones other systems got wrong."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_engine.arrival import Arrival, Kind, arrival, split
from ussd_engine.sessions import Claim, Session
from ussd_engine.turn import Family, Turn

NOW = 1_000_000


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def turn(text: str, session_id: str = "s1", family: Family = Family.CUMULATIVE, first: bool = False) -> Turn:
    return Turn("at", session_id, "254712345678", "*384#", "safaricom", text, family, first)


def stored(text: str, *, more: bool = True, claim: Claim | None = None, turn: int = 3) -> Session:
    return Session("at", "s1", "b1", {}, len(text), digest(text), "reply", more, turn, NOW, NOW, claim)


def understood(text: str, session: Session | None, **options: object) -> Arrival:
    return arrival(turn(text, **options), session, digest, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("used", "text", "new"),
    [
        ("7*a*b", "7*a*b*****", "****"),
        ("7*a*b**", "7*a*b*****", "**"),
        ("", "1", "1"),
        ("1", "1*1", "1"),
        ("1", "1*", ""),
        ("", "1*2", "1*2"),
        ("1*500", "1*500*0712*3", "0712*3"),
    ],
)
def test_the_new_input_is_what_follows_the_text_already_used(used: str, text: str, new: str) -> None:
    assert understood(text, stored(used)) == Arrival(Kind.GO_ON, ((len(text), new),))


@pytest.mark.parametrize("text", ["", "7", "7*a*b", "7*a*b**"])
def test_the_same_text_again_is_answered_again(text: str) -> None:
    assert understood(text, stored(text)).kind is Kind.AGAIN


def test_a_late_copy_of_an_earlier_request_is_answered_again() -> None:
    assert understood("7*a", stored("7*a*b")).kind is Kind.AGAIN


def test_a_start_sent_twice_is_one_start() -> None:
    assert understood("", stored("", turn=1)).kind is Kind.AGAIN


def test_text_without_a_session_is_cut_at_each_star() -> None:
    assert understood("1*500", None) == Arrival(Kind.UNKNOWN, ((1, "1"), (5, "500")))


def test_text_that_does_not_continue_what_was_used_is_of_a_lost_session() -> None:
    assert understood("2*9*4", stored("1*5")) == Arrival(Kind.UNKNOWN, ((1, "2"), (3, "9"), (5, "4")))


def test_an_older_session_id_is_of_a_lost_session() -> None:
    assert understood("1*5", stored("1"), session_id="s0").kind is Kind.UNKNOWN


def test_a_new_session_id_without_text_is_a_dial() -> None:
    assert understood("", stored("1*5"), session_id="s2") == Arrival(Kind.DIAL)


def test_a_session_id_used_again_after_its_end_is_a_dial() -> None:
    assert understood("", stored("1*5", more=False)).kind is Kind.DIAL


def test_a_press_after_the_end_gets_the_last_words_again() -> None:
    assert understood("1*5*7", stored("1*5", more=False)).kind is Kind.AGAIN


def test_a_claimed_turn_is_waited_for_until_its_claim_runs_out() -> None:
    claim = Claim(3, digest("1*5"), NOW + 1)
    assert understood("1*5", stored("1", claim=claim)).kind is Kind.WAIT
    claim = Claim(3, digest("1*5"), NOW)
    assert understood("1*5", stored("1", claim=claim)) == Arrival(Kind.GO_ON, ((3, "5"),))


def test_a_start_whose_claimant_died_starts_again() -> None:
    session = stored("", claim=Claim(0, digest(""), NOW - 1), turn=0)
    assert understood("", session).kind is Kind.DIAL


def test_a_dialled_string_feeds_its_inputs() -> None:
    dial = Turn("g", "s9", "2547", "*384#", "", "*384*1*500#", Family.DIALLED, first=True)
    assert arrival(dial, None, digest, NOW) == Arrival(Kind.DIAL, ((1, "1"), (5, "500")))
    plain = Turn("g", "s9", "2547", "*384#", "", "*384#", Family.DIALLED, first=True)
    assert arrival(plain, None, digest, NOW) == Arrival(Kind.DIAL)


def test_single_inputs_have_positions_of_their_own() -> None:
    session = stored("", turn=4)
    understood_turn = arrival(turn("5", family=Family.FLAGGED), session, digest, NOW)
    assert understood_turn == Arrival(Kind.GO_ON, ((10_004, "5"),))


def test_a_single_input_after_the_end_gets_the_last_words_again() -> None:
    """An end may have come late, from a state whose answer has an effect: it is not answered twice."""
    assert understood("5", stored("4", more=False), family=Family.FLAGGED).kind is Kind.AGAIN


@pytest.mark.parametrize("first", [True, False])
def test_a_single_input_that_raced_with_its_copy_is_answered_as_that(first: bool) -> None:
    session = stored("5", turn=4)
    single = turn("5", family=Family.FLAGGED, first=first)
    assert arrival(single, session, digest, NOW, raced=True).kind is Kind.AGAIN
    assert arrival(single, session, digest, NOW).kind is not Kind.AGAIN
    other = turn("6", family=Family.FLAGGED, first=first)
    assert arrival(other, session, digest, NOW, raced=True).kind is not Kind.AGAIN


@given(st.lists(st.text(st.characters(exclude_characters="*"), max_size=5), min_size=1, max_size=8))
def test_an_input_has_the_same_position_however_requests_are_grouped(inputs: list[str]) -> None:
    text = "*".join(inputs)
    one_by_one = [len("*".join(inputs[: count + 1])) for count in range(len(inputs))]
    if text:
        assert [position for position, _ in split(text)] == one_by_one
        assert [part for _, part in split(text)] == inputs


@given(st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_going_on_never_loses_or_adds_a_character(used: str, new: str) -> None:
    text = f"{used}*{new}" if used else new
    assert understood(text, stored(used)).inputs == ((len(text), new),)
