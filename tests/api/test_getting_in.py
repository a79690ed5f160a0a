"""Logins: tokens, cookies, wrong passwords, the end of a login."""

from tests.api.conftest import PASSWORD, Api


async def test_a_password_gives_a_token_that_is_who_somebody_is(api: Api) -> None:
    await api.person("wanjiru@example.org", "officer")
    said = await api.nobody.post("/auth/login", json={"email": "Wanjiru@example.org", "password": PASSWORD})
    assert said.status_code == 200, said.text
    bearer = api.client("w", Authorization=f"Bearer {said.json()['access_token']}")
    me = (await bearer.get("/auth/me")).json()
    assert (me["email"], me["role"]) == ("wanjiru@example.org", "officer")
    assert "loans:propose" in me["permissions"]
