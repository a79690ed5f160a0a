from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.phone.vectors import ANSWERS, DIALLED, KNOWN, NOT_CODES, TYPED
from ussd_engine.phone.handset import Handset, HandsetError, State, split_code

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
CODE = "*384*89598#"


@pytest.fixture
def handset() -> Handset:
    return Handset("+254711000001", KNOWN)


def asked(handset: Handset, code: str = CODE) -> Handset:
    handset.dial(code, NOW)
    handset.receive(200, "CON Menu")
    return handset


def test_a_first_turn_is_the_form_africas_talking_posts(handset: Handset) -> None:
    form = handset.dial("*384*89598*1*500#", NOW)
    assert form == {
        "sessionId": handset.session_id,
        "phoneNumber": "+254711000001",
        "networkCode": "63902",
        "serviceCode": "*384*89598#",
        "text": "1*500",
    }
    assert handset.session_id.startswith("ATUid_")


@pytest.mark.parametrize(("dialled", "service_code", "text"), DIALLED)
def test_a_dialled_code_is_a_service_code_and_the_first_text(
    handset: Handset, dialled: str, service_code: str, text: str
) -> None:
    form = handset.dial(dialled, NOW)
    assert (form["serviceCode"], form["text"]) == (service_code, text)


@pytest.mark.parametrize("code", NOT_CODES)
def test_what_no_phone_can_dial_is_refused(handset: Handset, code: str) -> None:
    with pytest.raises(HandsetError, match=r"It looks like \*384\*89598#"):
        handset.dial(code, NOW)
    assert handset.state is State.IDLE


@pytest.mark.parametrize(("code", "typed", "text"), TYPED)
def test_each_turn_carries_all_inputs_so_far(
    handset: Handset, code: str, typed: list[str], text: str
) -> None:
    form = handset.dial(code, NOW)
    for reply in typed:
        handset.receive(200, "CON Menu")
        form = handset.answer(reply)
    assert form["text"] == text


@pytest.mark.parametrize(("status", "body", "state", "screen", "problem"), ANSWERS)
def test_an_answer_is_a_screen_an_end_or_a_fault(
    handset: Handset, status: int, body: str, state: str, screen: str | None, problem: str
) -> None:
    handset.dial(CODE, NOW)
    shown = handset.receive(status, body)
    assert (handset.state.value, shown.problem) == (state, problem)
    assert shown.text == (screen if screen is not None else "Connection problem or invalid MMI code.")
    assert shown.more == (state == "asked")


def test_a_retry_is_the_same_form_after_a_screen_a_fault_and_an_end(handset: Handset) -> None:
    asked(handset)
    form = handset.answer("1")
    for status, body in [(200, "CON More"), (500, ""), (200, "END Bye")]:
        handset.receive(status, body)
        assert handset.retry() == form


def test_nothing_is_sent_again_before_a_first_turn_or_after_the_session(handset: Handset) -> None:
    with pytest.raises(HandsetError, match="Nothing was sent yet"):
        handset.retry()
    asked(handset).hang_up(NOW)
    with pytest.raises(HandsetError, match="Dial again"):
        handset.retry()


def test_a_reply_without_a_question_is_refused(handset: Handset) -> None:
    with pytest.raises(HandsetError):
        handset.answer("1")
    handset.dial(CODE, NOW)
    with pytest.raises(HandsetError):
        handset.answer("1")
    handset.receive(200, "END Bye")
    with pytest.raises(HandsetError):
        handset.answer("1")
    assert handset.text == ""


def test_a_second_session_needs_the_first_to_be_over(handset: Handset) -> None:
    first = asked(handset).session_id
    with pytest.raises(HandsetError, match="Hang up first"):
        handset.redial(NOW)
    handset.hang_up(NOW)
    assert handset.redial(NOW)["serviceCode"] == CODE
    assert handset.session_id != first


def test_nothing_to_dial_again_on_a_new_phone(handset: Handset) -> None:
    with pytest.raises(HandsetError, match="Nothing was dialled yet"):
        handset.redial(NOW)


def test_hanging_up_notifies_once_in_africas_talking_fields(handset: Handset) -> None:
    asked(handset).answer("1")
    handset.receive(200, "CON Amount?")
    form = handset.hang_up(NOW + timedelta(seconds=12.5))
    assert form == {
        "date": "2026-11-23 10:00:12",
        "sessionId": handset.session_id,
        "serviceCode": CODE,
        "networkCode": "63902",
        "phoneNumber": "+254711000001",
        "status": "Incomplete",
        "cost": "KES 0.0000",
        "durationInMillis": "12500",
        "hopsCount": "2",
        "input": "1",
        "lastAppResponse": "Amount?",
        "errorMessage": "",
    }
    assert handset.hang_up(NOW) is None


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [(200, "END Bye", "Success"), (200, "CON Menu", "Incomplete"), (500, "no", "Failed")],
)
def test_the_notification_says_how_the_session_ended(
    handset: Handset, status: int, body: str, said: str
) -> None:
    handset.dial(CODE, NOW)
    handset.receive(status, body)
    form = handset.hang_up(NOW)
    assert form is not None
    assert form["status"] == said


def test_a_phone_that_never_dialled_has_nothing_to_notify(handset: Handset) -> None:
    assert handset.hang_up(NOW) is None


def test_a_screen_says_how_full_it_is(handset: Handset) -> None:
    handset.dial(CODE, NOW)
    assert handset.receive(200, "CON Fee [5] €").fill() == "12 of 160 septets"
    assert handset.receive(200, "CON Wanjikũ").fill() == "7 of 70 UCS-2 units"


# ---- whatever is typed

typed = st.lists(st.text(min_size=1, max_size=12), max_size=8)
codes = st.lists(st.from_regex(r"\A[0-9]{1,4}\Z"), min_size=1, max_size=4).map(
    lambda parts: f"*{'*'.join(parts)}#"
)


@given(typed)
def test_each_text_extends_the_one_before_by_the_new_input(replies: list[str]) -> None:
    handset = asked(Handset("+254711000001", KNOWN))
    before = handset.text
    for reply in replies:
        form = handset.answer(reply)
        assert form["text"] == (f"{before}*{reply}" if before else reply)
        assert handset.retry() == form
        handset.receive(200, "CON Menu")
        before = form["text"]


@given(codes, st.lists(codes, max_size=4))
def test_service_code_and_text_are_the_dialled_code_again(dialled: str, known: list[str]) -> None:
    code, text = split_code(dialled, known)
    assert f"{code.removesuffix('#')}*{text}#" == dialled if text else code == dialled
    assert code in known or (code, text) == (dialled, "")
