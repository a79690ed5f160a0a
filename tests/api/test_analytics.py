"""Analytics over HTTP: read off day rows that are brought up to date, by whoever may read them."""

from datetime import datetime, timedelta

import pytest

from services import clock
from tests.api.conftest import Api

FIGURES = (
    "conversion", "funnel", "disbursement-time", "portfolio", "vintages", "defaults", "collections", "limits",
    "active-borrowers", "costs", "service",
)  # fmt: skip


async def test_a_loan_that_was_just_paid_out_is_in_every_figure(api: Api) -> None:
    phone = await api.phone().join()
    outcome = await phone.borrow(500_000)
    await phone.money_arrives(outcome.value["ref"])
    found = {}
    for name in FIGURES:
        answer = await api.as_("viewer").get(f"/analytics/{name}")
        assert answer.status_code == 200, answer.text
        found[name] = answer.json()
        age = clock.now() - datetime.fromisoformat(found[name]["as_of"])
        assert age < timedelta(minutes=1)
    assert found["conversion"]["total"]["paid_out"] == 1
    [now] = found["portfolio"]["now"]
    assert (now["loans"], now["principal_cents"], now["par1_cents"]) == (1, 500_000, 0)
    assert found["vintages"]["months"][-1]["lent_cents"] == 500_000
    assert found["defaults"]["rate"] == 0
    assert found["active-borrowers"]["within_30"] == found["active-borrowers"]["owing"] == 1
    assert found["limits"]["days"][-1]["drawn_cents"] == 500_000
    assert found["costs"]["total"]["loans"] == 1
    assert found["disbursement-time"]["days"][0]["loans"] == 1


@pytest.mark.parametrize(
    "asked",
    ["conversion?days=0", "conversion?days=900", "funnel?bundle=../x", "vintages?months=999",
     "service?step=minute", "portfolio?until=9999-12-31", "costs?since=2026-01-01"],
)  # fmt: skip
async def test_what_is_out_of_bounds_is_said(api: Api, asked: str) -> None:
    answer = await api.as_("viewer").get(f"/analytics/{asked}")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_figures_go_back_as_far_as_a_day_can(api: Api) -> None:
    for name in ("conversion", "portfolio", "costs", "service"):
        days = "92" if name == "service" else "800"
        answer = await api.as_("viewer").get(f"/analytics/{name}?until=2000-01-01&days={days}")
        assert answer.status_code == 200
