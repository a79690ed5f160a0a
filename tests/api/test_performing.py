"""An operation from inside the process, as a page asks for it; and what the log says of one from outside."""

import json
from typing import Any

import pytest

from services.api import performing, staff
from services.api.calls import Identity
from services.api.operation import Operation
from services.api.permissions import ROLES, Role
from services.api.problems import Problem
from tests.api.conftest import Api
from ussd_engine.observe import setup_logging


def operation(name: str) -> Operation:
    return next(each for each in staff.routes.operations if each.name == name)


async def who(api: Api, role: str) -> Identity:
    email = f"{role}@example.org"
    number = await api.pool.fetchval("select id from staff where email = $1", email)
    return Identity("person", number, email, ROLES[Role(role)], Role(role), 1)


async def do(api: Api, role: str, name: str, **more: Any) -> performing.Done:
    return await performing.perform(
        api.desk, operation(name), await who(api, role), caller="10.0.0.7", request_id="page-0001", **more
    )


async def test_a_page_has_the_same_permissions_audit_and_replies(api: Api) -> None:
    with pytest.raises(Problem) as refused:
        await do(api, "viewer", "list_staff")
    assert refused.value.kind.name == "forbidden"

    body = {"email": "new@example.org", "role": "viewer"}
    made = await do(api, "admin", "add_person", body=body, key="k")
    assert isinstance(made.answer, staff.PersonWithPassword)
    again = await do(
        api, "admin", "add_person", body=staff.NewPerson(email="new@example.org", role=Role.VIEWER), key="k"
    )
    assert (again.answer, again.replayed) == (made.answer, True)
    (row,) = await api.audit("add_person")
    assert (row["address"], row["request_id"]) == ("10.0.0.7", "page-0001")
    # The same request over HTTP, under the same key: it is the same caller.
    over_http = await api.as_("admin").post("/admin/staff", json=body, headers={"Idempotency-Key": "k"})
    assert over_http.headers["Idempotency-Replayed"] == "true"

    number = made.answer.person.id
    listed = await do(api, "admin", "list_staff", query={"after": number - 1})
    assert isinstance(listed.answer, staff.People)
    assert [person.id for person in listed.answer.items] == [number]
    for wrong in ({"email": "x"}, {"email": "a@example.org", "role": "viewer", "more": 1}, {"email": "\x00"}):
        with pytest.raises(Problem) as refused:
            await do(api, "admin", "add_person", body=wrong)
        assert refused.value.kind.name == "invalid"
    with pytest.raises(Problem) as refused:
        await do(api, "admin", "change_person", path={"staff_id": 10**6}, body={})
    assert refused.value.kind.name == "not-found"


async def test_one_line_of_log_for_a_request_and_nothing_of_what_it_held(
    api: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    setup_logging(api.settings)  # to the standard error of now
    capfd.readouterr()
    answer = await api.as_("admin").patch(
        "/admin/staff/424242?secretword=1",
        json={"role": "secretword"},
        headers={"X-Request-Id": "trace-0001"},
    )
    assert answer.status_code == 422
    await api.nobody.get("/cb/secretword/1", headers={"Authorization": "Bearer umt_secretword"})
    output = capfd.readouterr().err
    lines = [json.loads(line) for line in output.splitlines() if '"event":"request"' in line]
    assert [(line["method"], line["route"], line["status"], line["who"]) for line in lines] == [
        ("PATCH", "/api/v1/admin/staff/{staff_id}", 422, "admin@example.org"),
        ("GET", "/api/v1/{rest}", 405, "nobody"),
    ]
    assert lines[0]["request_id"] == "trace-0001"
    assert lines[0]["ms"] >= 0
    assert "secretword" not in output
    assert "424242" not in output


async def test_the_log_says_whose_page_was_asked_for_but_no_number_that_stood_there(
    api: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    setup_logging(api.settings)
    capfd.readouterr()
    for path in ("/admin/users/7", "/loans/U4K7QXN", "/loans/254711000126", "/loans/x%20y"):
        await api.as_("viewer").get(path)
    output = capfd.readouterr().err
    lines = [json.loads(line) for line in output.splitlines() if '"event":"request"' in line]
    assert [line.get("user_id") or line.get("loan_id") for line in lines] == [
        "7", "U4K7QXN", "2547***126", None,
    ]  # fmt: skip
    assert "254711000126" not in output
