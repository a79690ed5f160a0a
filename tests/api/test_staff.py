"""People and keys: who may make whom, what holds at once, and what the audit keeps."""

import csv
import io
import json
from typing import Any

import asyncpg
import httpx
import pytest

from services.api import staff
from services.api.calls import Identity
from services.api.lists import export
from services.api.performing import perform
from services.api.permissions import NOT_FOR_KEYS, ROLES, Permission, Role
from services.api.problems import Problem
from services.loans import approvals
from tests.api.conftest import Api, together


async def add(client: httpx.AsyncClient, email: str, role: str = "viewer", **headers: str) -> httpx.Response:
    return await client.post("/admin/staff", json={"email": email, "role": role}, headers=headers)


async def id_of(api: Api, email: str) -> int:
    found: int = await api.pool.fetchval("select id from staff where email = $1", email)
    return found


async def change(api: Api, email: str, by: httpx.AsyncClient | None = None, **body: Any) -> httpx.Response:
    return await (by or api.as_("admin")).patch(f"/admin/staff/{await id_of(api, email)}", json=body)


async def test_somebody_new_gets_a_password_once_and_must_choose_their_own(api: Api) -> None:
    made = await add(api.as_("admin"), "new@example.org", "officer")
    assert made.status_code == 201
    held = made.json()
    assert held["person"]["new_password_needed"] is True
    said = await api.nobody.post(
        "/auth/login", json={"email": "new@example.org", "password": held["password"]}
    )
    assert said.json()["new_password_needed"] is True
    (row,) = await api.audit("add_person")
    assert (row["who"], row["kind"], row["subject"]) == (
        "admin@example.org",
        "person",
        "staff:new@example.org",
    )
    assert (row["address"], row["request_id"]) == ("127.0.0.1", made.headers["X-Request-Id"])
    assert json.loads(row["after"]) == {"email": "new@example.org", "role": "officer", "active": True}
    again = await add(api.as_("admin"), "new@example.org")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/conflict")
    for odd in ("New@example.org", "new", "a b@example.org", "x@y" + "z" * 90):
        assert (await add(api.as_("admin"), odd)).status_code == 422


async def test_a_replayed_answer_still_holds_what_is_shown_once(api: Api) -> None:
    answers = [await add(api.as_("admin"), "new@example.org", **{"Idempotency-Key": "k1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"


async def test_lists_go_in_pages(api: Api) -> None:
    first = (await api.as_("admin").get("/admin/staff", params={"limit": 3})).json()
    rest = (await api.as_("admin").get("/admin/staff", params={"after": first["next_after"]})).json()
    emails = [person["email"] for person in first["items"] + rest["items"]]
    assert emails == [f"{role}@example.org" for role in ("viewer", "officer", "approver", "product", "admin")]
    assert rest["next_after"] is None
    assert "password" not in json.dumps(first).replace("new_password_needed", "")


async def test_a_change_holds_at_once_and_is_on_record_with_what_differs(api: Api) -> None:
    officer = api.as_("officer")
    assert (await change(api, "officer@example.org", role="viewer")).status_code == 200
    assert (await officer.get("/auth/me")).json()["role"] == "viewer"
    assert (await change(api, "officer@example.org", active=False)).status_code == 200
    assert (await officer.get("/auth/me")).status_code == 401
    assert (await change(api, "officer@example.org", active=True)).status_code == 200
    assert (await officer.get("/auth/me")).status_code == 401  # its login ended; a new one is needed
    rows = [(json.loads(row["before"]), json.loads(row["after"])) for row in await api.audit("change_person")]
    assert rows == [
        ({"role": "officer"}, {"role": "viewer"}), ({"active": True}, {"active": False}),
        ({"active": False}, {"active": True}),
    ]  # fmt: skip


async def test_a_reset_logs_them_out_and_lets_them_only_choose_a_password(api: Api) -> None:
    viewer = api.as_("viewer")
    reset = (await change(api, "viewer@example.org", reset_password=True)).json()
    assert (await viewer.get("/auth/me")).status_code == 401
    body = {"email": "viewer@example.org", "password": reset["password"]}
    assert (await api.nobody.post("/auth/login", json=body)).json()["new_password_needed"] is True
    (row,) = await api.audit("change_person")
    assert json.loads(row["after"]) == {"password": "reset"}
    assert reset["password"] not in str(await api.audit())


async def test_nobody_changes_themselves(api: Api) -> None:
    for body in ({"role": "viewer"}, {"active": False}, {"reset_password": True}):
        answer = await change(api, "admin@example.org", **body)
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/same-person")
    assert (await change(api, "officer@example.org", by=api.as_("officer"), role="admin")).status_code == 403


async def test_two_admins_who_take_each_others_role_away_leave_one(api: Api) -> None:
    await api.another("admin", "second")
    first, second = await id_of(api, "admin@example.org"), await id_of(api, "second@example.org")
    operation = next(each for each in staff.routes.operations if each.name == "change_person")

    async def take_away(by: int, whose: int, body: dict[str, Any]) -> str:
        who = Identity("person", by, "an admin", ROLES[Role.ADMIN], Role.ADMIN, 1)
        try:
            await perform(api.desk, operation, who, caller="-", path={"staff_id": whose}, body=body)
        except Problem as problem:
            return problem.detail
        return "done"

    answers = await together(
        take_away(first, second, {"role": "viewer"}), take_away(second, first, {"active": False})
    )
    assert sorted(answers) == ["This is the last admin. Make somebody else an admin first.", "done"]
    assert await api.pool.fetchval("select count(*) from staff where role = 'admin' and active") == 1


async def test_a_key_is_shown_once_works_is_noted_and_revoked(api: Api) -> None:
    admin = api.as_("admin")
    body = {"label": "nightly", "scopes": ["loans:read", "reports:read"], "days": 7}
    made = await admin.post("/admin/keys", json=body)
    assert made.status_code == 201
    key, details = made.json()["key"], made.json()["details"]
    assert key.startswith(f"umk_{details['prefix']}_")
    assert key not in (await admin.get("/admin/keys")).text
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
        refused = await api.nobody.get("/admin/keys", headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    listed = (await admin.get("/admin/keys")).json()["items"][0]
    assert listed["last_used_at"] is not None
    used = "select last_used_at from api_key"
    before = await api.pool.fetchval(used)
    await api.nobody.get("/admin/keys", headers={"X-API-Key": key})
    assert await api.pool.fetchval(used) == before  # at most once a minute
    assert (await admin.delete(f"/admin/keys/{details['id']}")).json()["revoked_by"] == "admin@example.org"
    assert (await api.nobody.get("/admin/keys", headers={"X-API-Key": key})).status_code == 401
    assert (await admin.delete(f"/admin/keys/{details['id']}")).status_code == 404
    assert [row["subject"] for row in await api.audit("revoke_key")] == [f"key:{details['prefix']}"]


async def test_a_key_ends_and_a_wrong_secret_is_none(api: Api) -> None:
    key = await api.key(Permission.LOANS_READ)
    whole = key.headers["X-API-Key"]
    assert (await key.get("/admin/keys")).status_code == 403
    other = (await api.key(Permission.LOANS_READ)).headers["X-API-Key"]
    for wrong in (whole[:-1], whole + "A", whole[:15] + other[15:], whole.upper(), "umk_" + "a" * 10 + "_"):
        assert (await api.nobody.get("/admin/keys", headers={"X-API-Key": wrong})).status_code == 401
    await api.pool.execute("alter table api_key disable trigger api_key_guard")
    await api.pool.execute("update api_key set expires_at = now()")
    assert (await key.get("/admin/keys")).status_code == 401


async def test_a_key_may_not_decide_manage_or_hold_what_is_for_people(api: Api) -> None:
    for scope in sorted(NOT_FOR_KEYS):
        answer = await api.as_("admin").post("/admin/keys", json={"label": "x", "scopes": [scope]})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid"), scope
    await api.pool.execute("alter table api_key disable trigger api_key_guard")
    key = await api.key(Permission.LOANS_READ)
    await api.pool.execute("update api_key set scopes = '{own,no-such-thing,loans:read}'")
    assert (await key.get("/auth/me")).status_code == 403


async def test_who_made_a_key_may_not_decide_what_it_proposed(api: Api) -> None:
    made = await api.as_("approver").post("/admin/keys", json={"label": "x", "scopes": ["loans:propose"]})
    assert made.status_code == 403
    made = await api.as_("admin").post("/admin/keys", json={"label": "x", "scopes": ["loans:propose"]})
    who = f"key:{made.json()['details']['prefix']}"
    borrower = await api.phone().join()
    number = await api.pool.fetchval("select id from borrower where msisdn = $1", borrower.msisdn)
    async with api.pool.acquire() as connection:
        request = approvals.Request(approvals.REFUND, borrower.msisdn, 100, "test", borrower_id=number)
        approval = await approvals.propose(connection, request, who)
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await approvals.reject(connection, approval, "admin@example.org")
        assert refused.value.constraint_name == "approval_two_people"
        assert await approvals.reject(connection, approval, "approver@example.org") is True


async def test_the_audit_is_only_ever_added_to(api: Api) -> None:
    await add(api.as_("admin"), "new@example.org")
    for attack in ("update audit set who = 'x'", "delete from audit", "truncate audit", "delete from staff"):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await api.pool.execute(attack)
        assert refused.value.sqlstate == "23001", attack
    with pytest.raises(asyncpg.RestrictViolationError):
        await api.pool.execute("update staff set email = 'other@example.org' where email = 'new@example.org'")
    await api.key(Permission.LOANS_READ)
    with pytest.raises(asyncpg.RestrictViolationError):
        await api.pool.execute("update api_key set scopes = '{staff:manage}'")


async def test_a_refused_change_leaves_no_row_and_a_look_leaves_none(api: Api) -> None:
    await add(api.as_("viewer"), "new@example.org")
    await change(api, "admin@example.org", role="viewer")
    await api.as_("admin").get("/admin/staff")
    assert await api.audit() == []


async def test_people_and_keys_are_files_without_a_secret(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BATCH", 2)
    for name in ("one", "two", "three"):
        assert (await add(api.as_("admin"), f"{name}@export.example")).status_code == 201
    body = {"label": "nightly", "scopes": ["loans:read"], "days": 1}
    assert (await api.as_("admin").post("/admin/keys", json=body)).status_code == 201
    listed = await api.as_("admin").get("/admin/staff", params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(listed.content.decode("utf-8-sig"))))
    emails = [row["email"] for row in rows]
    assert len(set(emails)) == len(emails) == await api.pool.fetchval("select count(*) from staff")
    assert set(rows[0]) == {"id", "email", "role", "active", "created_by", "created", "last_login"}
    keys = await api.as_("admin").get("/admin/keys", params={"format": "csv"})
    assert "nightly" in keys.text
    assert "secret" not in keys.text.partition("\n")[0]
    assert (await api.as_("viewer").get("/admin/keys", params={"format": "csv"})).status_code == 403
