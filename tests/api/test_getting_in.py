"""Logins: tokens, cookies, wrong passwords, the end of a login."""

import re

import httpx
import pytest
from argon2 import PasswordHasher

from services.api import tries
from services.api.identity import SAFE_COOKIE, cookie_name, set_cookie
from services.api.settings import ApiSettings
from tests.api.conftest import PASSWORD, Api, together

EMAIL = "wanjiru@example.org"


async def log_in(api: Api, email: str = EMAIL, password: str = PASSWORD, **more: object) -> httpx.Response:
    return await api.nobody.post("/auth/login", json={"email": email, "password": password, **more})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def me(api: Api, token: str) -> int:
    return (await api.nobody.get("/auth/me", headers=bearer(token))).status_code


async def test_a_password_gives_a_token_that_is_who_somebody_is(api: Api) -> None:
    await api.person(EMAIL, "officer")
    said = await log_in(api, "Wanjiru@example.org")
    assert said.status_code == 200
    told = (await api.nobody.get("/auth/me", headers=bearer(said.json()["access_token"]))).json()
    assert (told["email"], told["role"]) == (EMAIL, "officer")
    assert "loans:propose" in told["permissions"]
    assert "loans:decide" not in told["permissions"]
    (row,) = await api.audit("login")
    assert (row["who"], row["subject"], row["address"]) == (EMAIL, f"staff:{EMAIL}", "127.0.0.1")


async def test_nothing_that_could_be_shown_to_us_is_in_the_database(api: Api) -> None:
    await api.person(EMAIL)
    said = (await log_in(api)).json()
    cookie = (await log_in(api, cookie=True)).cookies["umoja"]
    key = (await api.key("loans:read")).headers["X-API-Key"]
    tables = ("staff", "staff_login", "staff_token", "api_key", "audit", "login_try", "api_reply")
    stored = str([list(map(tuple, await api.pool.fetch(f"select * from {table}"))) for table in tables])
    for secret in (said["access_token"], said["refresh_token"], cookie, key, PASSWORD):
        assert secret not in stored
        assert secret.encode().hex() not in stored


async def test_unknown_people_wrong_passwords_and_people_who_left_hear_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = await api.person("left@example.org")
    await api.person(EMAIL)
    await api.pool.execute("update staff set active = false where id = $1", left)
    looked_at: list[str] = []
    verify = api.desk.passwords._verify
    monkeypatch.setattr(api.desk.passwords, "_verify", lambda *held: looked_at.append("") or verify(*held))
    answers = [
        await log_in(api, "left@example.org"),
        await log_in(api, "never@example.org"),
        await log_in(api, EMAIL, "not the password"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len(looked_at) == 3  # each costs a hash, so each takes its time
    said = [
        {name: value for name, value in answer.json().items() if name != "request_id"} for answer in answers
    ]
    assert said[0] == said[1] == said[2]
    assert answers[0].headers["WWW-Authenticate"].startswith("Bearer")


async def test_after_five_wrong_passwords_the_right_one_waits_too(api: Api) -> None:
    await api.person(EMAIL)
    for _ in range(5):
        assert (await log_in(api, password="wrong")).status_code == 401
    locked = await log_in(api)
    assert (locked.status_code, locked.json()["type"]) == (429, "/problems/too-many")
    assert 25 <= int(locked.headers["Retry-After"]) <= 30
    unknown = [await log_in(api, "never@example.org") for _ in range(6)]
    assert [answer.status_code for answer in unknown] == [401] * 5 + [429]

    await api.pool.execute("update login_try set wait_until = now()")
    assert (await log_in(api, password="wrong")).status_code == 401
    assert 55 <= int((await log_in(api)).headers["Retry-After"]) <= 60
    await api.pool.execute("update login_try set wait_until = now()")
    assert (await log_in(api)).status_code == 200
    assert (await log_in(api, password="wrong")).status_code == 401


async def test_a_hundred_guesses_at_once_are_five(api: Api) -> None:
    await api.person(EMAIL)
    answers = await together(*(log_in(api, password=f"guess {n}") for n in range(40)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(401), statuses.count(429)) == (5, 35)
    assert (await log_in(api)).status_code == 429  # the right one waits like the others


async def test_whoever_is_overtaken_by_another_try_need_not_wait(api: Api) -> None:
    settings = ApiSettings(address_tries=5, person_tries=5)
    async with api.pool.acquire() as slow, api.pool.acquire() as quick, slow.transaction():
        await slow.fetchval("select now()")
        for email in (EMAIL, "other@example.org"):
            assert (await tries.count(quick, settings, email, "192.0.2.7")).wait_s is None
            await tries.forget(quick, settings, await tries.count(quick, settings, email, "192.0.2.7"))
        assert (await tries.count(slow, settings, EMAIL, "192.0.2.7")).wait_s is None


async def test_an_address_has_its_count_whomever_it_tries(api: Api) -> None:
    settings = ApiSettings(address_tries=3, person_tries=5)
    async with api.pool.acquire() as connection:
        counted = [await tries.count(connection, settings, f"p{n}@e.org", "2001:db8::1") for n in range(3)]
        assert [one.wait_s for one in counted] == [None, None, None]
        neighbour = await tries.count(connection, settings, "p9@e.org", "2001:db8::ffff")
        assert neighbour.wait_s is not None
        assert (await tries.count(connection, settings, "p9@e.org", "2001:db8:0:1::1")).wait_s is None
        await tries.forget(connection, settings, counted[0])
        assert (await tries.count(connection, settings, "p8@e.org", "2001:db8::2")).wait_s is None


async def test_a_refresh_token_is_good_once_and_a_second_time_ends_the_login(api: Api) -> None:
    await api.person(EMAIL)
    first = (await log_in(api)).json()
    second = (await api.nobody.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert await me(api, second["access_token"]) == 200
    assert await me(api, first["access_token"]) == 200

    again = await api.nobody.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert again.status_code == 401
    assert await me(api, second["access_token"]) == 401
    after = await api.nobody.post("/auth/refresh", json={"refresh_token": second["refresh_token"]})
    assert after.status_code == 401
    assert [row["who"] for row in await api.audit("refresh_reused")] == [EMAIL]
    assert await api.pool.fetchval("select ended_why from staff_login where ended_at is not null") == "reuse"


async def test_of_two_who_refresh_at_once_one_gets_tokens_and_the_login_ends(api: Api) -> None:
    await api.person(EMAIL)
    token = (await log_in(api)).json()["refresh_token"]
    answers = await together(
        *(api.nobody.post("/auth/refresh", json={"refresh_token": token}) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    (given,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert await me(api, given["access_token"]) == 401


async def test_a_token_that_is_over_forged_or_of_another_kind_lets_nobody_in(api: Api) -> None:
    await api.person(EMAIL)
    said = (await log_in(api)).json()
    token = said["access_token"]
    for wrong in (
        said["refresh_token"], token[:-1], token + "A", "umt_", "eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ.",
        "umk_0123456789_", "umk_0123456789", "umk__", "x" * 5000,
    ):  # fmt: skip
        assert await me(api, wrong) == 401, wrong
    for header in ("umt_\u00e9".encode(), "Basic " + token, token, "Bearer", "bearer  " + token + " x", ""):
        assert (await api.nobody.get("/auth/me", headers={"Authorization": header})).status_code == 401
    assert (await api.nobody.get("/auth/me", headers={"X-API-Key": token})).status_code == 401

    await api.pool.execute("update staff_token set expires_at = now() where kind = 'access'")
    assert await me(api, token) == 401


async def test_a_role_is_what_the_database_says_at_this_request(api: Api) -> None:
    viewer = api.as_("viewer")
    forged = {"X-Role": "admin", "X-User": "admin@example.org", "Cookie": "role=admin"}
    assert (await viewer.get("/admin/staff", headers=forged)).status_code == 403
    await api.pool.execute("update staff set role = 'admin' where email = 'viewer@example.org'")
    assert (await viewer.get("/admin/staff")).status_code == 200
    await api.pool.execute("update staff set role = 'product' where email = 'viewer@example.org'")
    assert (await viewer.get("/admin/staff")).status_code == 403
    await api.pool.execute("update staff set active = false where email = 'viewer@example.org'")
    assert (await viewer.get("/auth/me")).status_code == 401


async def test_a_logout_ends_all_tokens_of_its_login_and_no_other(api: Api) -> None:
    await api.person(EMAIL)
    one, two = (await log_in(api)).json(), (await log_in(api)).json()
    assert (await api.nobody.post("/auth/logout", headers=bearer(one["access_token"]))).status_code == 204
    assert await me(api, one["access_token"]) == 401
    refreshed = await api.nobody.post("/auth/refresh", json={"refresh_token": one["refresh_token"]})
    assert refreshed.status_code == 401
    assert await me(api, two["access_token"]) == 200


async def test_a_login_is_over_after_a_day_whatever_is_refreshed(api: Api) -> None:
    await api.person(EMAIL)
    token = (await log_in(api)).json()["refresh_token"]
    await api.pool.execute("update staff_login set expires_at = now() + interval '1 minute'")
    said = (await api.nobody.post("/auth/refresh", json={"refresh_token": token})).json()
    ends = await api.pool.fetchval(
        "select max(staff_token.expires_at) <= max(staff_login.expires_at) from staff_login"
        " join staff_token on login_id = staff_login.id and kind = 'refresh' and used_at is null"
    )
    assert ends is True
    assert said["access_expires_at"] == said["refresh_expires_at"]


async def test_a_password_that_somebody_else_set_is_changed_before_anything_else(api: Api) -> None:
    await api.person(EMAIL, "admin", must_change=True)
    said = (await log_in(api)).json()
    other = (await log_in(api)).json()
    assert said["new_password_needed"] is True
    client = api.client("new", **bearer(said["access_token"]))
    refused = await client.get("/admin/staff")
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/new-password")
    assert (await client.get("/auth/me")).status_code == 200

    async def choose(new: str, current: str = PASSWORD) -> httpx.Response:
        return await client.post("/auth/password", json={"current": current, "new": new})

    for weak in ("short", "wanjiru-wanjiru", "passwordpassword", "aaaaaaaaaaaaaa", PASSWORD):
        answer = await choose(weak)
        assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "body.new"), weak
    assert (await choose("quite another phrase", "not mine")).status_code == 403
    await api.pool.execute("delete from login_try")
    assert (await choose("quite another phrase")).status_code == 204
    assert (await client.get("/admin/staff")).status_code == 200
    assert await me(api, other["access_token"]) == 401
    assert (await log_in(api)).status_code == 401
    assert (await log_in(api, password="quite another phrase")).status_code == 200
    assert [row["subject"] for row in await api.audit("choose_password")] == [f"staff:{EMAIL}"]


async def test_wrong_current_passwords_are_counted_as_at_the_login(api: Api) -> None:
    await api.person(EMAIL)
    client = api.client("c", **bearer((await log_in(api)).json()["access_token"]))
    body = {"current": "a wrong one", "new": "quite another phrase"}
    assert [(await client.post("/auth/password", json=body)).status_code for _ in range(6)] == [403] * 5 + [
        429
    ]
    assert (await log_in(api)).status_code == 429


async def test_a_password_of_older_costs_is_kept_anew_at_the_login(api: Api) -> None:
    older = PasswordHasher(time_cost=3, memory_cost=16, parallelism=1).hash(PASSWORD)
    await api.person(EMAIL)
    await api.pool.execute("update staff set password_hash = $1", older)
    assert (await log_in(api)).status_code == 200
    assert "m=8,t=1," in await api.pool.fetchval("select password_hash from staff where email = $1", EMAIL)
    assert (await log_in(api)).status_code == 200


@pytest.fixture
async def page(api: Api) -> tuple[httpx.AsyncClient, str]:
    """A browser that is logged in, and its CSRF token."""
    await api.person(EMAIL, "admin")
    said = await log_in(api, cookie=True)
    held = said.json()
    assert held["access_token"] is held["refresh_token"] is None
    assert re.fullmatch(
        r"umoja=umc_\S{43}; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict", said.headers["Set-Cookie"]
    )
    cookie = said.headers["Set-Cookie"].partition(";")[0]
    return api.client("page", Cookie=cookie), held["csrf_token"]


async def test_a_change_by_cookie_needs_the_token_of_its_login_and_our_own_page(
    api: Api, page: tuple[httpx.AsyncClient, str]
) -> None:
    browser, token = page
    assert (await browser.get("/auth/me")).json()["csrf_token"] == token
    body = {"email": "new@example.org", "role": "viewer"}
    other = (await log_in(api, cookie=True)).json()["csrf_token"]
    assert other != token
    own = {"X-CSRF-Token": token, "Origin": api.url}
    for headers in (
        {}, {"X-CSRF-Token": other}, {"X-CSRF-Token": b"\xff"},
        own | {"Origin": "https://evil.example.org"}, own | {"Origin": "null"}, own | {"Origin": ""},
        {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"},
        {"X-CSRF-Token": token, "Sec-Fetch-Site": "same-site"},
    ):  # fmt: skip
        answer = await browser.post("/admin/staff", json=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-from-here"), headers
    assert (await browser.post("/admin/staff", json=body, headers=own)).status_code == 201
    assert (await browser.post("/auth/logout", headers={"X-CSRF-Token": token})).status_code == 204
    assert (await browser.get("/auth/me")).status_code == 401


async def test_a_cookie_is_no_token_and_lasts_while_it_is_used(
    api: Api, page: tuple[httpx.AsyncClient, str]
) -> None:
    browser, _ = page
    cookie = browser.headers["Cookie"].partition("=")[2]
    assert await me(api, cookie) == 401
    await api.pool.execute(
        "update staff_token set expires_at = now() + interval '1 minute' where kind = 'cookie'"
    )
    assert (await browser.get("/auth/me")).status_code == 200
    left = await api.pool.fetchval("select expires_at - now() from staff_token where kind = 'cookie'")
    assert 29 * 60 < left.total_seconds() <= 30 * 60
    await api.pool.execute("update staff_token set expires_at = now() where kind = 'cookie'")
    assert (await browser.get("/auth/me")).status_code == 401


async def test_what_a_header_says_goes_before_the_cookie(
    api: Api, page: tuple[httpx.AsyncClient, str]
) -> None:
    browser, _ = page
    assert (await browser.get("/auth/me", headers=bearer("umt_nothing"))).status_code == 401
    said = await browser.get("/auth/me", headers=bearer((await log_in(api)).json()["access_token"]))
    assert said.status_code == 200


def test_outside_development_the_cookie_is_for_tls_and_this_host_only() -> None:
    assert cookie_name("production") == SAFE_COOKIE == cookie_name("test")
    assert set_cookie("production", "umc_x", 60) == (
        "Set-Cookie", "__Host-umoja=umc_x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure",
    )  # fmt: skip
