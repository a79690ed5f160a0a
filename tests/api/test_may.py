"""Who may ask for what: every operation, every role, keys, and nobody, from the tables themselves."""

import re
from pathlib import Path

import httpx

from services.api import permissions
from services.api.app import ELSE, operations
from services.api.operation import BASE, Operation
from services.api.permissions import NOT_FOR_KEYS, ROLES, Permission, Role
from services.api.problems import KINDS
from services.api.settings import ApiSettings
from tests.api.conftest import Api

# What is under /api/v1 and not for the staff: gateways and those who call back. Each checks its caller.
OTHERS = re.compile(rf"{BASE}/(ussd|ussd-events?|ussd-debug|cb|sms|mpesa-callback)(/.*)?|{re.escape(ELSE)}")
FILLERS = {int: "1", str: "x"}


def some_path(operation: Operation) -> str:
    values = {name: FILLERS.get(kind, "2026-11-23") for name, kind in operation.path_types.items()}
    return operation.path.format(**values)


async def asked(client: httpx.AsyncClient, operation: Operation) -> tuple[int, str]:
    """A request that no operation takes, for its query: so whoever may ask hears 422, and nothing is done."""
    answer = await client.request(operation.method, some_path(operation), params={"nobody-knows": "1"})
    return answer.status_code, answer.json()["type"]


async def test_every_operation_lets_in_those_whom_the_table_names_and_nobody_else(api: Api) -> None:
    wrong = []
    may_all = await api.key(*(set(Permission) - NOT_FOR_KEYS))
    key_of = {scope: await api.key(scope) for scope in (Permission.LOANS_READ, Permission.MENUS_READ)}
    for operation in operations():
        other = next(key for scope, key in key_of.items() if scope != operation.may)
        expected = {role: operation.may is None or operation.may in ROLES[role] for role in Role}
        callers = {role: (api.as_(role), allowed) for role, allowed in expected.items()}
        callers["key"] = (may_all, operation.may not in NOT_FOR_KEYS)
        callers["other key"] = (other, operation.may is None)
        for name, (client, allowed) in callers.items():
            status, kind = await asked(client, operation)
            if (status, kind) != ((422, "/problems/invalid") if allowed else (403, "/problems/forbidden")):
                wrong.append((operation.method, operation.path, name, status, kind))
        status, kind = await asked(api.nobody, operation)
        if (status, kind) != (
            (422, "/problems/invalid") if operation.may is None else (401, "/problems/unknown-caller")
        ):
            wrong.append((operation.method, operation.path, "nobody", status, kind))
    assert wrong == []


async def test_what_is_under_the_api_is_an_operation_or_named_here(api: Api) -> None:
    known = {(operation.method, operation.url) for operation in operations()}
    strange = [
        (route.method, route.resource.canonical)
        for route in api.app.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith(BASE)
        and not OTHERS.fullmatch(route.resource.canonical)
        and (route.method, route.resource.canonical) not in known
    ]
    assert strange == []


def test_an_operation_that_needs_no_permission_is_one_of_two() -> None:
    assert {operation.path for operation in operations() if operation.may is None} == {
        "/auth/login", "/auth/refresh",
    }  # fmt: skip


def test_no_role_both_proposes_and_has_nobody_to_decide() -> None:
    assert Permission.STAFF_MANAGE in ROLES[Role.ADMIN]
    assert [role for role in Role if Permission.STAFF_MANAGE in ROLES[role]] == [Role.ADMIN]
    assert all(permissions.Permission.OWN in held for held in ROLES.values())


def test_the_documentation_has_the_same_table(repository: Path) -> None:
    written = {
        found[1]: {
            role for role, cell in zip(Role, found[2].split("|"), strict=True) if cell.strip() == "yes"
        }
        for found in re.finditer(
            r"^\| `([a-z:]+)` \|((?:[^|\n]*\|){4}[^|\n]*)\|$", (repository / "docs/rest.md").read_text(), re.M
        )
    }
    assert written == {each: {role for role in Role if each in ROLES[role]} for each in Permission}


def test_the_documentation_has_every_problem_and_every_setting(repository: Path) -> None:
    page = (repository / "docs/rest.md").read_text()
    assert [kind.name for kind in KINDS if f"| `{kind.name}` | {kind.status} |" not in page] == []
    assert [name for name in ApiSettings.model_fields if f"`API_{name.upper()}`" not in page] == []
