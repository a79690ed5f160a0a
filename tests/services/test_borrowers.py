import asyncio
import hashlib
from typing import Any

import pytest
import yaml

from services.app import service
from services.borrowers.people import ConsentMissing
from services.borrowers.pins import is_pin, is_weak
from services.loans.terms import Terms
from tests.services.world import FOLDER, PIN, Phone, count

WRONG = "9753"


@pytest.mark.parametrize(
    "pin", ["0000", "9999", "1234", "4321", "0123", "7890", "8901", "0987", "1212", "1122"]
)
def test_pins_that_are_easy_to_guess_are_weak(pin: str) -> None:
    assert is_weak(pin)


@pytest.mark.parametrize("pin", ["4826", "9753", "1357", "2019"])
def test_other_pins_are_not(pin: str) -> None:
    assert not is_weak(pin)


@pytest.mark.parametrize("pin", ["", "123", "12345", "12a4", "١٢٣٤", " 123", "²³¹⁴"])
def test_a_pin_is_four_plain_digits(pin: str) -> None:
    assert not is_pin(pin)


async def test_joining_makes_a_profile(phone: Phone) -> None:
    assert await service.profile(phone.msisdn) == {
        "registered": False, "terms": "", "offers": False, "pin_reset": False,
        "has_loan": False, "name": "", "language": "",
    }  # fmt: skip
    phone.language = "sw"
    consented = await phone.do("borrowers.consent", version="2026-11")
    assert consented.subscriber == {"terms": "2026-11"}
    await phone.do("borrowers.choose_pin", pin=PIN)
    outcome = await phone.do(
        "borrowers.register", name="Wanjiru wa Kamau Njoroge", national_id="12345678", pin=PIN
    )

    profile = {
        "registered": True, "terms": "2026-11", "offers": False, "pin_reset": False,
        "has_loan": False, "language": "sw",
        "name": "Wanjiru wa Kamau Njo",
    }  # fmt: skip
    assert outcome.name == "ok"
    assert outcome.subscriber == profile
    assert await service.profile(phone.msisdn) == profile


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("  Asha   Otieno ", "Asha Otieno"),
        ("Wanjirũ Ng’ang’a", "Wanjiru Ng'ang'a"),  # on a GSM-7 screen, or every screen holds 70 letters
        ("Elizabeth Wanjiku Kamau", "Elizabeth Wanjiku Ka"),
        ("Zoë Müller", "Zoe Müller"),
        ("ሰላም ተስፋዬ", "ሰላም ተስፋዬ"),  # better on a short screen than as nothing
    ],
)
async def test_a_name_is_shown_in_letters_that_phones_have(phone: Phone, typed: str, shown: str) -> None:
    await phone.do("borrowers.consent", version="2026-11")
    await phone.do("borrowers.choose_pin", pin=PIN)
    await phone.do("borrowers.register", name=typed, national_id="12345678", pin=PIN)

    assert (await service.profile(phone.msisdn))["name"] == shown
    assert await phone.pool.fetchval("select name from borrower") == " ".join(typed.split())


async def test_zeros_in_front_make_no_other_national_id(phone: Phone, terms: Terms) -> None:
    other = Phone(phone.pool, terms)
    for somebody in (phone, other):
        await somebody.do("borrowers.consent", version="2026-11")
        await somebody.do("borrowers.choose_pin", pin=PIN)

    first = await phone.do("borrowers.register", name="Asha", national_id="12345678", pin=PIN)
    second = await other.do("borrowers.register", name="Asha", national_id="0012345678", pin=PIN)

    assert (first.name, second.name) == ("ok", "id_taken")


async def test_the_profile_has_every_field_the_menus_declare(phone: Phone, borrower: Phone) -> None:
    menus = yaml.load((FOLDER / "service.yaml").read_text(), yaml.BaseLoader)
    declared = set(menus["subscriber"])

    assert set(await service.profile("254799999999")) == declared
    assert set(await service.profile(borrower.msisdn)) == declared


async def test_a_consent_keeps_which_words_they_saw_and_where(phone: Phone) -> None:
    await phone.do("borrowers.consent", "africastalking:S1:2:borrowers.consent", version="2026-11")

    row = await phone.pool.fetchrow("select * from consent")
    assert (row["version"], row["bundle"], row["language"]) == ("2026-11", "3f0a1b2c", "en")
    assert (row["channel"], row["purpose"]) == ("ussd:africastalking", "terms")
    assert row["session_key"] == "africastalking:S1:2:borrowers.consent"


@pytest.mark.parametrize(("language", "word"), [("en", "your contacts"), ("sw", "masharti")])
async def test_a_consent_keeps_the_hash_of_the_words_on_its_screens(
    phone: Phone, language: str, word: str
) -> None:
    phone.language = language
    await phone.do("borrowers.consent", version="2026-11")

    kept = await phone.pool.fetchval("select words_sha256 from consent")
    words = phone.terms.wording.texts[language]
    assert word in words
    assert kept == hashlib.sha256(words.encode()).digest()


async def test_nothing_of_a_person_is_kept_without_consent(phone: Phone) -> None:
    await phone.do("borrowers.choose_pin", pin=PIN)

    with pytest.raises(ConsentMissing):
        await phone.do("borrowers.register", name="Wanjiru", national_id="12345678", pin=PIN)
    assert await count(phone.pool, "borrower") == 0


async def test_a_weak_pin_is_not_staged(phone: Phone) -> None:
    assert (await phone.do("borrowers.choose_pin", pin="1234")).name == "weak"
    assert await count(phone.pool, "pin_stage") == 0


@pytest.mark.parametrize("expired", [False, True])
async def test_the_two_entries_of_a_pin_must_be_equal_and_close(phone: Phone, expired: bool) -> None:
    await phone.do("borrowers.consent", version="2026-11")
    await phone.do("borrowers.choose_pin", pin=PIN)
    if expired:
        await phone.pool.execute("update pin_stage set expires_at = now() - interval '1 second'")
    person = {"name": "Wanjiru", "national_id": "12345678"}

    second = await phone.do("borrowers.register", **person, pin=PIN if expired else WRONG)
    third = await phone.do("borrowers.register", **person, pin=PIN)

    assert (second.name, third.name) == ("mismatch", "mismatch")  # the first entry is used up
    assert await phone.pool.fetchval("select registered_at from borrower") is None


async def test_one_national_id_has_one_number(pool: Any, terms: Terms) -> None:
    person = {"name": "Wanjiru", "national_id": "12345678", "pin": PIN}
    phones = [Phone(pool, terms) for _ in range(5)]
    for phone in phones:
        await phone.do("borrowers.consent", version="2026-11")
        await phone.do("borrowers.choose_pin", pin=PIN)

    outcomes = await asyncio.gather(*(phone.do("borrowers.register", **person) for phone in phones))

    assert sorted(outcome.name for outcome in outcomes) == ["id_taken"] * 4 + ["ok"]


async def test_who_has_joined_does_not_join_again(borrower: Phone) -> None:
    await borrower.do("borrowers.choose_pin", pin=WRONG)
    outcome = await borrower.do("borrowers.register", name="Other", national_id="87654321", pin=WRONG)

    assert outcome.name == "exists"
    assert outcome.subscriber is not None
    assert outcome.subscriber["name"] == "Wanjiru Kamau"
    assert (await borrower.borrow()).name == "ok"  # with the first PIN


async def test_the_language_is_remembered_also_before_joining(phone: Phone) -> None:
    await phone.do("borrowers.set_language", language="sw")

    assert (await service.profile(phone.msisdn))["language"] == "sw"
    with pytest.raises(ValueError, match="no menus"):
        await phone.do("borrowers.set_language", language="fr")


async def guess(borrower: Phone, pin: str) -> tuple[str, int]:
    outcome = await borrower.borrow(pin=pin)
    return outcome.name, outcome.value["tries_left"]


async def test_the_third_wrong_pin_locks_for_fifteen_minutes(borrower: Phone) -> None:
    guesses = [await guess(borrower, WRONG) for _ in range(3)]

    assert guesses == [("wrong_pin", 2), ("wrong_pin", 1), ("locked", 0)]
    assert await guess(borrower, PIN) == ("locked", 0)
    left = await borrower.pool.fetchval("select pin_locked_until - now() from borrower")
    assert 14 * 60 < left.total_seconds() <= 15 * 60

    await borrower.pool.execute("update borrower set pin_locked_until = now() - interval '1 second'")
    assert await guess(borrower, WRONG) == ("wrong_pin", 2)  # three new tries
    assert (await guess(borrower, PIN))[0] == "ok"


async def test_a_right_pin_forgets_the_wrong_ones(borrower: Phone) -> None:
    await guess(borrower, WRONG)
    await guess(borrower, WRONG)
    await guess(borrower, PIN)

    assert await borrower.pool.fetchval("select pin_failures from borrower") == 0


async def test_a_hundred_guesses_at_once_are_three(borrower: Phone) -> None:
    press = {"amount": 500_000, "purpose": "business", "total": 590_000}
    pins = [f"{number:04}" for number in range(2001, 2101)]

    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(*(borrower.do("loans.apply", pin=pin, **press) for pin in pins))

    names = [outcome.name for outcome in outcomes]
    assert (names.count("wrong_pin"), names.count("locked")) == (2, 98)
    assert await borrower.pool.fetchval("select pin_failures from borrower") == 3
