"""Tokens, and how every API refuses."""

import pytest

from services.sandbox.server import Running
from tests.sandbox.client import Shop

GENERATE = "/oauth/v1/generate"
GRANT = {"grant_type": "client_credentials"}
INVALID = {"errorCode": "404.001.03", "errorMessage": "Invalid Access Token"}


@pytest.mark.parametrize(("kind", "expires_in"), [("string", "3599"), ("number", 3599)])
async def test_the_life_of_a_token_comes_as_text_or_as_a_number(
    sandbox: Running, shop: Shop, kind: str, expires_in: object
) -> None:
    sandbox.behave(expires_in=kind)
    auth = (sandbox.settings.consumer_key, sandbox.settings.consumer_secret)
    body = (await shop.http.get(GENERATE, params=GRANT, auth=auth)).json()
    assert body == {"access_token": body["access_token"], "expires_in": expires_in}


async def test_a_new_token_makes_the_one_before_it_void(shop: Shop) -> None:
    old = shop.token
    await shop.authorise()
    assert (await shop.push()).status_code == 200
    shop.token = old
    refused = await shop.push(phone="254722000001")
    assert refused.status_code == 404
    assert {**refused.json(), **INVALID} == refused.json()


async def test_a_token_expires(sandbox: Running, shop: Shop) -> None:
    await sandbox.advance(3600)
    assert (await shop.push()).json()["errorCode"] == "404.001.03"


async def test_no_token_is_no_entry(sandbox: Running, shop: Shop) -> None:
    bare = await shop.http.post("/mpesa/stkpush/v1/processrequest", json=shop.stk_body())
    assert bare.json()["errorCode"] == "404.001.03"
    await shop.http.post("/sandbox/token/forget")
    empty = {"Authorization": "Bearer"}
    for headers in ({}, empty, {"Authorization": f"Bearer {shop.token}"}):
        void = await shop.http.post("/mpesa/stkpush/v1/processrequest", json=shop.stk_body(), headers=headers)
        assert void.json()["errorCode"] == "404.001.03"
    assert sandbox.payments() == []


async def test_wrong_credentials_and_a_wrong_grant_are_told_apart(sandbox: Running, shop: Shop) -> None:
    wrong = await shop.http.get(GENERATE, params=GRANT, auth=("somebody", "else"))
    assert (wrong.status_code, wrong.json()["errorCode"]) == (400, "400.008.01")
    right = (sandbox.settings.consumer_key, sandbox.settings.consumer_secret)
    grant = await shop.http.get(GENERATE, params={"grant_type": "password"}, auth=right)
    assert (grant.status_code, grant.json()["errorCode"]) == (400, "400.008.02")


async def test_what_is_not_there_is_refused_in_darajas_envelope(shop: Shop) -> None:
    nowhere = await shop.post("/mpesa/nothing/v1/here", {})
    assert (nowhere.status_code, nowhere.json()["errorCode"]) == (404, "404.001.01")
    method = await shop.http.get("/mpesa/b2c/v3/paymentrequest")
    assert (method.status_code, method.json()["errorCode"]) == (405, "405.001")
    assert set(method.json()) == {"requestId", "errorCode", "errorMessage"}


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[1]", b'"text"'])
async def test_a_body_that_is_no_object_is_a_bad_payload(shop: Shop, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {shop.token}"}
    answer = await shop.http.post("/mpesa/b2c/v3/paymentrequest", content=content, headers=headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.002.05")
