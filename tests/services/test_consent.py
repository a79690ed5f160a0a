"""New terms ask again; until then nothing that needs them is done, and a loan is still seen and repaid."""

from dataclasses import replace

import pytest

from services.app import service
from services.borrowers.people import ConsentMissing
from services.loans.terms import Terms
from services.rules.model import Consent
from tests.services.world import PIN, Phone


def newer(terms: Terms, version: str = "2027-01") -> Terms:
    asked = Consent(version=version, screens=("consent",))
    return replace(terms, rules=terms.rules.model_copy(update={"consent": asked}))


async def test_whoever_agreed_to_older_terms_borrows_again_when_they_agree_to_the_new(
    borrower: Phone, terms: Terms
) -> None:
    borrower.terms = newer(terms)
    assert (await service.profile(borrower.msisdn))["terms"] == "2026-11"
    assert (await borrower.do("loans.limit")).name == "not_eligible"
    assert (await borrower.borrow()).name == "not_eligible"

    await borrower.do("borrowers.consent", version="2027-01")
    assert (await service.profile(borrower.msisdn))["terms"] == "2027-01"
    assert (await borrower.borrow()).name == "ok"


async def test_a_loan_is_seen_and_repaid_under_whatever_terms(borrower: Phone, terms: Terms) -> None:
    ref = (await borrower.borrow()).value["ref"]
    await borrower.money_arrives(ref)
    borrower.terms = newer(terms)

    assert (await borrower.do("loans.status")).value["ref"] == ref
    assert (await borrower.do("repayments.prompt", amount=100_000)).name == "ok"
    assert (await borrower.do("accounts.send_statement")).name == "ok"


async def test_nobody_joins_on_older_terms(phone: Phone, terms: Terms) -> None:
    phone.terms = newer(terms)
    await phone.do("borrowers.consent", version="2026-11")
    await phone.do("borrowers.choose_pin", pin=PIN)

    with pytest.raises(ConsentMissing):
        await phone.do("borrowers.register", name="Wanjiru", national_id="12345678", pin=PIN)


async def test_offers_are_a_consent_of_their_own(borrower: Phone) -> None:
    assert (await service.profile(borrower.msisdn))["offers"] is False
    assert (await borrower.do("borrowers.offers", wanted=True)).subscriber == {"offers": True}
    assert (await service.profile(borrower.msisdn))["offers"] is True
    for _ in range(2):  # no harm in saying it twice
        assert (await borrower.do("borrowers.offers", wanted=False)).subscriber == {"offers": False}
    assert (await service.profile(borrower.msisdn))["offers"] is False
    assert (await borrower.borrow()).name == "ok"
