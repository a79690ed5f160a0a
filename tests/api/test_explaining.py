"""Why somebody may borrow so much."""

from services import published
from tests.api.conftest import Api
from tests.api.lending import fund, joined, problem


async def test_a_borrower_is_explained_as_they_stand(api: Api) -> None:
    published._read.clear()
    await fund(api)
    phone, borrower_id = await joined(api)
    await phone.borrow_and_repay()
    limit = (await phone.do("loans.limit")).value
    said = (await api.as_("viewer").get("/scoring/explain", params={"borrower_id": borrower_id})).json()

    assert (said["shown"], said["limit_cents"], said["verdict"]) == (limit["score"], limit["max"], "ok")
    points = {each["feature"]: each["points"] for each in said["points"]}
    card = phone.terms.scorecard
    assert said["score"] == said["base_points"] + sum(points.values())
    kept = {each["feature"]: each["value"] for each in said["points"]}
    assert kept["loans_repaid"] == 1
    assert said["scorecard"] == f"{card.version}:{card.digest}"
    limits = said["limits"]
    assert said["limit_cents"] == min(limits["band_cents"], limits["earned_cents"])
    assert limits["earned_cents"] == phone.terms.product.limit.cap_cents(500_000, 1)

    ref = (await phone.borrow()).value["ref"]
    assert ref
    barred = (await api.as_("viewer").get("/scoring/explain", params={"borrower_id": borrower_id})).json()
    assert (barred["verdict"], barred["reasons"]) == ("has_loan", ["OPEN_LOAN"])


async def test_features_are_explained_without_anybody(api: Api) -> None:
    viewer = api.as_("viewer")
    good = (await viewer.get("/scoring/explain", params={"loans_repaid": 6, "worst_days_late": 0})).json()
    bad = (await viewer.get("/scoring/explain", params={"loans_repaid": 6, "worst_days_late": 90})).json()

    assert (good["verdict"], good["decision"]) == (None, "approve")
    assert bad["score"] < good["score"]
    difference = {
        each["feature"] for each, other in zip(good["points"], bad["points"], strict=True) if each != other
    }
    assert difference == {"worst_days_late"}
    assert bad["reasons"]


async def test_nobody_and_both_are_refused(api: Api) -> None:
    viewer = api.as_("viewer")
    for wrong in ({"borrower_id": 1, "loans_repaid": 2}, {"loans_repaid": -1}, {"loans_repaid": "nan"},
                  {"shoe_size": 43}):  # fmt: skip
        assert problem(await viewer.get("/scoring/explain", params=wrong)) == (422, "invalid"), wrong
    assert problem(await viewer.get("/scoring/explain", params={"borrower_id": 99})) == (404, "not-found")
    assert problem(await api.as_("product").get("/scoring/explain")) == (403, "forbidden")
