"""The document says what the server does: tests/api/test_schemathesis.py asks the server itself. Here: that
it is valid, whole, and that its examples would be taken."""

from typing import Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.api import app, openapi, reading
from services.api.operation import BASE, Operation
from services.api.permissions import NOT_FOR_KEYS, ROLES
from services.app import Umoja
from ussd_engine.observe import Board
from ussd_engine.server import make_app
from ussd_engine.settings import Settings

OPERATIONS = app.operations()


@pytest.fixture(scope="module")
def document() -> Any:
    """As a client reads it."""
    return orjson.loads(orjson.dumps(openapi.document(app.rooms(), "1.0")))


def test_it_is_openapi(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_operation_is_in_it_and_nothing_else(document: Any) -> None:
    there = {
        (method.upper(), path, held["operationId"], held.get("x-permission"))
        for path, methods in document["paths"].items()
        for method, held in methods.items()
    }
    assert there == {(each.method, each.url, each.name, each.may) for each in OPERATIONS}


def test_every_route_of_the_server_is_in_it_or_left_out_by_name(document: Any) -> None:
    service = Umoja()
    made = make_app(Settings(_env_file=None), object(), Board(), services=[service])  # type: ignore[arg-type]
    paths = {route.resource.canonical for route in made.router.routes() if route.resource is not None}
    unknown = {
        path
        for path in paths
        if path not in document["paths"]
        and not path.startswith(tuple(openapi.LEFT_OUT))
        and path != BASE + "/{rest}"
    }
    assert unknown == set()
    for left_out in openapi.LEFT_OUT:
        assert not any(path.startswith(left_out) for path in document["paths"])


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.body is not None], ids=lambda each: each.name
)
def test_the_example_of_a_body_is_one_that_is_taken(document: Any, operation: Operation) -> None:
    shown = document["paths"][operation.url][operation.method.lower()]["requestBody"]["content"]
    example = shown["application/json"]["example"]
    assert reading.body_of(operation, "application/json", orjson.dumps(example)) is not None


def test_who_may_and_how_they_show_it(document: Any) -> None:
    for operation in OPERATIONS:
        held = document["paths"][operation.url][operation.method.lower()]
        ways = {name for way in held["security"] for name in way}
        if operation.may is None:
            assert ways == set()
            continue
        assert ways == {"token", "cookie"} | (set() if operation.may in NOT_FOR_KEYS else {"key"})
        assert {"401", "403"} <= set(held["responses"])
        for role, permissions in ROLES.items():
            said = held["description"].partition("Permission `")[2].partition("\n")[0].partition(": ")[2]
            assert (role in said.rstrip(".").split(", ")) == (operation.may in permissions)


def test_each_refusal_has_the_types_it_can_be(document: Any) -> None:
    for operation in OPERATIONS:
        answers = document["paths"][operation.url][operation.method.lower()]["responses"]
        there: set[tuple[int, str]] = set()
        for status, answer in answers.items():
            if "$ref" not in answer:
                assert int(status) == operation.status
                continue
            refusal = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
            types = refusal["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["type"]
            there |= {(int(status), name) for name in types["enum"]}
        assert there == {(kind.status, kind.type) for kind in openapi.kinds_of(operation)}


def test_each_operation_says_what_it_is_for(document: Any) -> None:
    for operation in OPERATIONS:
        held = document["paths"][operation.url][operation.method.lower()]
        assert len(held["summary"]) > 5, operation.name
        assert not held["summary"].endswith("."), operation.name


def test_a_query_field_that_may_be_left_out_has_no_null(document: Any) -> None:
    for methods in document["paths"].values():
        for held in methods.values():
            for parameter in held["parameters"]:
                if parameter.get("in") == "query":
                    assert "null" not in str(parameter["schema"]), (held["operationId"], parameter["name"])
                    assert parameter["schema"].get("default", "") is not None


def test_nothing_of_it_is_left_hanging(document: Any) -> None:
    """Every component is asked for by something, and no model is kept twice under two names."""
    written = orjson.dumps(document).decode()
    unused = [
        f"{kind}/{name}"
        for kind, held in document["components"].items()
        if kind != "securitySchemes"
        for name in held
        if f'"#/components/{kind}/{name}"' not in written
    ]
    assert unused == []


def test_a_server_without_routes_has_a_valid_document_too() -> None:
    assert list(OpenAPIV31SpecValidator(openapi.document([], "1.0")).iter_errors()) == []
