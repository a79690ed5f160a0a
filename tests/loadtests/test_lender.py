"""The lender's twin against the real actions on a real database, over random lives of borrowers."""

import random
from datetime import date, timedelta
from typing import Any

import pytest

from loadtests.lender import MOST_ASKED, UNKNOWN_PAYBILL, UNKNOWN_REF, Account, Answer, Lender
from services import clock
from services.loans.terms import Terms
from tests.services import world
from tests.services.conftest import pool, terms  # noqa: F401 - fixtures
from ussd_engine.actions import Outcome

OTHER_PIN = "9182"
LOOKS = (
    "loans.limit", "loans.status", "loans.history", "loans.more_time", "accounts.statement",
    "accounts.send_statement", "accounts.wallet",
)  # fmt: skip


class Life:
    """One borrower, at the real lender and at its twin."""

    def __init__(self, phone: world.Phone, seed: int) -> None:
        self.phone = phone
        self.chance = random.Random(seed)
        self.account = Account()
        self.receipts = 0
        self.asked: list[tuple[str, int]] = []  # what M-Pesa asked the phone for, and was not paid yet
        self.today: date = clock.nairobi_date(clock.now())

    async def do(self, action: str, **arguments: Any) -> Outcome:
        """The same at both. The real outcome must be that of one of the account's futures."""
        real = await self.phone.do(action, **arguments)
        lender = Lender(self.phone.terms, self.today, self.phone.language)
        seen = []
        for future in self.account.futures(self.today):
            found = lender.answer(future, action, arguments)
            assert found is not None
            answer, after = found
            if answer.outcome == real.name and isinstance(answer.value, dict):
                answer = answer._replace(value=self._with_ref(answer.value, real.value))
            if same(answer, real):
                ref = real.value.get("ref") if isinstance(real.value, dict) else None
                unnamed = ref and after.loans and after.loans[0].ref == UNKNOWN_REF
                self.account = after.named(str(ref)) if unnamed else after
                return real
            seen.append(answer)
        raise AssertionError(f"{action} came to {real}, and the twin knows {seen}")

    def _with_ref(self, value: dict[str, Any], real: dict[str, Any]) -> dict[str, Any]:
        """What only the lender knows, filled in."""
        if value.get("paybill") == UNKNOWN_PAYBILL:
            value = {**value, "paybill": real["paybill"]}
        return {**value, "ref": real["ref"]} if value.get("ref") == UNKNOWN_REF else value

    async def something(self) -> None:
        """A press, or a piece of news from M-Pesa."""
        loan = self.account.open_loan
        dice = self.chance.random()
        if dice < 0.4:
            await self.do(self.chance.choice(LOOKS))
        elif dice < 0.7:
            await self.borrow()
        elif loan is None:
            return
        elif dice < 0.8:
            await self.arrive(loan.ref)
        elif dice < 0.9:
            amount = self.chance.choice([loan.owed_cents, 100, 1_000, 12_345, loan.owed_cents // 2])
            asked = await self.do("repayments.prompt", amount=amount)
            if asked.name == "ok":
                self.asked = [*self.asked, (loan.ref, asked.value["amount"])][-MOST_ASKED:]
        elif self.asked:
            self.receipts += 1
            ref, cents = self.asked.pop(self.chance.randrange(len(self.asked)))
            await self.phone.pay(ref, cents, f"{ref}{self.receipts}")
            await self.do("accounts.statement")

    async def arrive(self, ref: str) -> None:
        await self.phone.money_arrives(ref)
        await self.do("loans.status")

    async def borrow(self) -> None:
        limit = await self.do("loans.limit")
        most = limit.value["max"] if limit.value else 0
        amount = self.chance.choice([50_000, 123_456, most, most + 100, 10_000])
        quote = await self.do("loans.quote", amount=amount, purpose="business")
        if quote.name == "ok":
            pin = world.PIN
            if not self.account.wrong_pins and self.chance.random() < 0.2:
                pin = OTHER_PIN
            total = quote.value["total"]
            await self.do(
                "loans.apply", amount=quote.value["principal"], purpose="business", total=total, pin=pin
            )


def same(answer: Answer, real: Outcome) -> bool:
    if answer.outcome != real.name or (answer.subscriber or None) != (real.subscriber or None):
        return False
    if not isinstance(answer.value, dict) or not isinstance(real.value, dict):
        return bool(answer.value == real.value) or real.name != "ok"
    return answer.value == real.value


@pytest.mark.parametrize("seed", range(6))
async def test_the_twin_answers_as_the_lender_does(pool: Any, terms: Terms, seed: int) -> None:  # noqa: F811
    life = Life(world.Phone(pool, terms), seed)
    await life.do("borrowers.consent", version="2026-11")
    await life.do("borrowers.choose_pin", pin="1234")
    await life.do("borrowers.choose_pin", pin=OTHER_PIN)
    await life.do("borrowers.register", name="Wanjirũ  Kamau", national_id="23456781", pin=world.PIN)
    await life.do("borrowers.choose_pin", pin=world.PIN)
    await life.do("borrowers.register", name="Wanjirũ  Kamau", national_id="23456781", pin=world.PIN)
    await life.do("borrowers.set_language", language="sw")
    await life.do("borrowers.offers", wanted=seed % 2 == 0)
    for _ in range(60):
        if (
            clock.nairobi_date(clock.now()) != life.today
            or clock.nairobi_date(clock.now() + timedelta(minutes=1)) != life.today
        ):
            pytest.skip("midnight in Nairobi")
        await life.something()
    assert life.account.loans
