"""The oracle: one right answer for every press, and no other is taken."""

from pathlib import Path

import pytest

from loadtests.lender import UNKNOWN_REF
from loadtests.oracle import Phone, Service, WrongAnswer

JOIN = ["1", "1", "Asha Ali", "22334455", "4071", "4071"]


@pytest.fixture(scope="module")
def umoja() -> Service:
    return Service.of(Path(__file__).parents[2] / "menus" / "umoja")


@pytest.fixture
def now() -> list[float]:
    return [1_800_000_000.0]


@pytest.fixture
def phone(umoja: Service, now: list[float]) -> Phone:
    return Phone(umoja, lambda: now[0])


def answered(phone: Phone, ref: str = "U4K7QXN") -> str:
    """Take what the oracle holds for right, with a reference as a server might give it."""
    body = phone._expected[0].body.replace(UNKNOWN_REF, ref)
    return phone.take(body).body


def walk(phone: Phone, *presses: str, dial: str = "") -> str:
    phone.dial(dial)
    body = answered(phone)
    for press in presses:
        phone.press(press)
        body = answered(phone)
    return body


def test_screens_are_those_of_the_menus_to_the_letter(phone: Phone) -> None:
    phone.dial()
    phone.take("CON Welcome to Umoja Loans\nKaribu Umoja Loans\n1. English\n2. Kiswahili")
    phone.press("9")
    phone.take(
        "CON Please choose one of the numbers shown.\nWelcome to Umoja Loans\nKaribu Umoja Loans\n"
        "1. English\n2. Kiswahili"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "CON Welcome to Umoja Loans\nKaribu Umoja Loans\n1. English\n2. Kiswahili ",
        "END Welcome to Umoja Loans\nKaribu Umoja Loans\n1. English\n2. Kiswahili",
        "CON Welcome to Umoja Loans\nKaribu Umoja Loans\n1. English",
        "",
    ],
)
def test_nearly_the_screen_is_a_wrong_answer_that_shows_both(phone: Phone, wrong: str) -> None:
    phone.dial()
    with pytest.raises(WrongAnswer) as raised:
        phone.take(wrong)
    assert raised.value.kind == "not the screen 'language'"
    assert "    | 2. Kiswahili\n" in str(raised.value)


def test_amounts_and_dates_of_an_offer_are_worked_out(phone: Phone) -> None:
    walk(phone, *JOIN, "1", "1,500", "2")
    assert phone.on is not None
    assert phone.on.body.startswith("CON Loan KES 1,500\nFee 225 + excise 45\nPay KES 1,770 by ")
    assert phone.on.state == "offer"


def test_a_reference_is_learned_where_it_is_first_shown_and_must_stay(phone: Phone) -> None:
    assert "Ref U4K7QXN." in walk(phone, *JOIN, "1", "500", "1", "1", "4071")
    assert phone.account.loans[0].ref == "U4K7QXN"
    phone.dial("2")
    right = next(screen.body for screen in phone._expected)
    with pytest.raises(WrongAnswer):
        phone.take(right.replace("U4K7QXN", "UAAAAAA"))
    phone.take(right)


@pytest.mark.parametrize("ref", ["U4K7QX", "u4k7qxn", "U0K7QXN", "X4K7QXN", "", "@@@@@@"])
def test_what_does_not_look_like_a_reference_is_wrong(phone: Phone, ref: str) -> None:
    walk(phone, *JOIN, "1", "500", "1", "1")
    phone.press("4071")
    with pytest.raises(WrongAnswer):
        answered(phone, ref)


def test_the_money_may_have_arrived_meanwhile_and_once_seen_it_has(phone: Phone) -> None:
    walk(phone, *JOIN, "1", "500", "1", "1", "4071")
    phone.dial("2")
    states = {screen.state: screen for screen in phone._expected}
    assert set(states) == {"status_coming", "status"}
    phone.take(states["status"].body)
    phone.dial("2")
    assert {screen.state for screen in phone._expected} == {"status"}


def test_a_payment_that_was_asked_for_may_arrive_and_pays_the_loan(phone: Phone) -> None:
    walk(phone, *JOIN, "1", "500", "1", "1", "4071")
    phone.dial("3")
    phone.take(next(screen.body for screen in phone._expected if screen.state == "repay"))
    phone.press("1")
    answered(phone)
    assert phone.account.asked == (("U4K7QXN", 59_000),)
    phone.dial("5")
    limits = {screen.body.split("\n")[2] for screen in phone._expected}
    assert limits == {"Score: 300 of 850", "Score: 350 of 850"}
    paid = next(screen for screen in phone._expected if "350" in screen.body)
    phone.take(paid.body)
    assert phone.account.open_loan is None
    assert phone.account.moves[0][0] == "repayment"


def test_a_dropped_call_is_offered_again_and_forgotten_after_its_time(phone: Phone, now: list[float]) -> None:
    walk(phone, *JOIN, "1", "500")
    phone.dial()
    answered(phone)
    assert phone.offered
    now[0] += 600
    phone.dial()
    assert {screen.state for screen in phone._expected} == {"@resume", "main"}  # clocks differ a little
    now[0] += 6
    phone.dial()
    assert "Hello Asha" in answered(phone)
    assert not phone.offered


def test_a_shortcut_stops_before_a_confirmation(phone: Phone) -> None:
    walk(phone, *JOIN)
    assert "1. I agree" in walk(phone, dial="1*500*1*1*4071")


def test_wrong_pins_count_and_lock(phone: Phone) -> None:
    walk(phone, *JOIN, "1", "500", "1", "1")
    for left in ("Tries left: 2", "Tries left: 1", "it is locked"):
        phone.press("9182")
        assert left in answered(phone)


def test_no_pin_is_in_what_is_shown_or_printed(phone: Phone) -> None:
    walk(phone, *JOIN, "1", "500", "1", "1")
    phone.press("4071")
    with pytest.raises(WrongAnswer) as raised:
        phone.take("END Sorry")
    assert "4071" not in f"{raised.value}{phone.account!r}{phone.on!r}"
    assert "4071" in phone.account.pin
