"""The OpenAPI 3.1 document of the staff's side, made from the table of operations (operation.py).

There is nothing to keep in step by hand: a handler's parameters, models, docstring and problems are the
documentation. What the dispatcher adds to every operation (who asks, limits, Idempotency-Key, problems) is
said here for every operation.
"""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from services.api import csrf, idempotency, problems
from services.api.operation import Operation, Routes
from services.api.permissions import NOT_FOR_KEYS, ROLES, Permission
from services.api.problems import KINDS, Kind
from services.api.reading import MOST_PATH
from services.api.schema_examples import example_of

Json = dict[str, Any]

JSON = "application/json"
PROBLEM = "application/problem+json"
REF = "#/components/schemas/{model}"

# Routes of the same server that are not for the staff's programs: each has its page or its own contract.
LEFT_OUT = {
    "/api/v1/ussd": "the USSD gateway's, by its map: docs/gateways.md",
    "/api/v1/cb/": "M-Pesa's callbacks: docs/mpesa.md",
    "/api/v1/mpesa-callback": "M-Pesa's callbacks, where they used to come",
    "/api/v1/sms/": "the SMS gateway's callbacks: docs/sms.md",
    "/phone": "the phone of the development server: docs/phone.md",
    "/admin": "the staff's pages, which do what this API does",
    "/assets": "files of these pages",
    "/docs": "this document, to read and to try",
    "/redoc": "this document, to read",
    "/problems": "what the types of problems mean",
    "/openapi.json": "this document",
    "/health": "for load balancers: docs/operations",
    "/ready": "for load balancers: docs/operations",
    "/metrics": "for Prometheus: docs/operations",
}

ABOUT = """The staff's side of Umoja Loans: borrowers, loans, money, messages, menus, analytics, reports.

**Who asks.** A person logs in at `/api/v1/auth/login` and sends the access token (`Authorization: Bearer …`).
A machine sends its API key (`X-API-Key`). The admin page has a cookie, and its changes carry `X-CSRF-Token`.
Each operation names the permission it needs, and the roles that have it.

**Amounts** are whole cents of a shilling, in fields named `…_cents`. Times are UTC.

**What goes wrong** is `application/problem+json` (RFC 9457). Programs go by `type`, which never changes its
meaning, people read `detail`. Each type has a page at its address.

**Twice is as once.** Send `Idempotency-Key` with a change: the same key and request are answered with the
first reply (and `Idempotency-Replayed: true`), another request with that key is refused.

**How often** is limited for each caller and class of operations: `RateLimit` says how many are left. After a
429 wait as long as `Retry-After` says.
"""

_USUAL = (
    problems.MALFORMED,
    problems.SLOW,
    problems.TOO_LARGE,
    problems.INVALID,
    problems.TOO_MANY,
    problems.BROKEN,
    problems.AWAY,
)


def document(rooms: Sequence[Routes], version: str) -> Json:
    """The whole document."""
    operations = [operation for room in rooms for operation in room.operations]
    names, schemas = _models(operations)
    responses: Json = {}
    paths: Json = {}
    for operation in operations:
        written = _operation(operation, names, schemas, responses)
        paths.setdefault(operation.url, {})[operation.method.lower()] = written
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Umoja Loans",
            "version": version,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(room.tag for room in rooms)],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM, **schemas},
            "responses": responses,
            "headers": _HEADERS,
            "parameters": _PARAMETERS,
            "securitySchemes": _SECURITY,
        },
    }


def kinds_of(operation: Operation) -> list[Kind]:
    """Every problem that can come of an operation, by status."""
    found = {*_USUAL, *operation.problems}
    if operation.may is not None:
        found |= {problems.UNKNOWN_CALLER, problems.FORBIDDEN}
        if operation.may is not Permission.OWN:
            found.add(problems.NEW_PASSWORD)
    if operation.method not in csrf.SAFE:
        found.add(problems.NOT_FROM_HERE)
    if operation.body is not None:
        found.add(problems.WRONG_TYPE)
    if operation.changes:
        found |= {problems.CONFLICT, problems.SAME_PERSON, problems.IN_PROGRESS, problems.KEY_REUSED}
    return [kind for kind in KINDS if kind in found]


# ---- one operation


def _operation(operation: Operation, names: Mapping[Any, str], schemas: Json, responses: Json) -> Json:
    written: Json = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _description(operation),
        "parameters": list(_parameters(operation, schemas)),
        "responses": _answers(operation, names, responses),
        "security": _security(operation.may),
    }
    if operation.may is not None:
        written["x-permission"] = operation.may.value
    if operation.body is not None:
        schema = {"$ref": REF.format(model=names[operation.body, "validation"])}
        shown = {"schema": schema, "example": example_of(schema, schemas)}
        written["requestBody"] = {"required": True, "content": {JSON: shown}}
    return written


def _description(operation: Operation) -> str:
    said = [operation.description] if operation.description else []
    if operation.may is not None:
        roles = ", ".join(role for role, held in ROLES.items() if operation.may in held)
        said.append(f"Permission `{operation.may}`: {roles}.")
    said.append(f"Limit `{operation.limit}`.")
    return "\n\n".join(said)


def _security(may: Permission | None) -> list[Json]:
    if may is None:
        return []
    by_key: list[Json] = [] if may in NOT_FOR_KEYS else [{"key": []}]
    return [{"token": []}, *by_key, {"cookie": []}]


def _parameters(operation: Operation, schemas: Json) -> Iterator[Json]:
    for name, wanted in operation.path_types.items():
        schema = _sized(TypeAdapter(wanted).json_schema())
        if schema.get("type") == "string" and "enum" not in schema and "format" not in schema:
            schema = {"minLength": 1, "maxLength": MOST_PATH, **schema}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if operation.query is not None:
        yield from _query(operation.query, schemas)
    if operation.changes and operation.method != "GET":
        yield {"$ref": "#/components/parameters/IdempotencyKey"}
    if operation.may is not None and operation.method not in csrf.SAFE:
        yield {"$ref": "#/components/parameters/CsrfToken"}


def _query(model: type[BaseModel], schemas: Json) -> Iterator[Json]:
    """A parameter for each field. A list is the parameter again for each value."""
    whole = _tidy(model.model_json_schema(ref_template=REF))
    for name, held in whole.pop("$defs", {}).items():
        schemas.setdefault(name, held)
    for name, held in whole.get("properties", {}).items():
        schema = _given(held)
        described = schema.pop("description", None)
        yield {
            "name": name,
            "in": "query",
            "required": name in whole.get("required", ()),
            **({"description": described} if described else {}),
            "style": "form",
            "explode": True,
            "schema": schema,
        }


def _given(schema: Json) -> Json:
    """Null is no value of a query string: there a field is left out."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if rest.get("default", "") is None:
        del rest["default"]
    if len(choices) == 1:
        return {**choices[0], **rest}
    return {**rest, "anyOf": choices} if choices else rest


def _answers(operation: Operation, names: Mapping[Any, str], responses: Json) -> Json:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _ON_ALL}
    if operation.changes:
        headers["Idempotency-Replayed"] = {"$ref": "#/components/headers/Idempotency-Replayed"}
    answers: Json = {str(operation.status): {"description": HTTPStatus(operation.status).phrase}}
    content: Json = {}
    if operation.answer is not None:
        content[JSON] = {"schema": {"$ref": REF.format(model=names[operation.answer, "serialization"])}}
    for media in operation.streams:
        content[media] = {"schema": {"type": "string", "contentMediaType": media}}
        headers["Content-Disposition"] = {"$ref": "#/components/headers/Content-Disposition"}
    answers[str(operation.status)] |= {"headers": headers} | ({"content": content} if content else {})
    by_status: dict[int, list[Kind]] = {}
    for kind in kinds_of(operation):
        by_status.setdefault(kind.status, []).append(kind)
    for status, kinds in sorted(by_status.items()):
        name = "-".join(kind.name for kind in kinds)
        responses.setdefault(name, _refusal(status, kinds))
        answers[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return answers


def _refusal(status: int, kinds: Sequence[Kind]) -> Json:
    types = {"properties": {"type": {"enum": [kind.type for kind in kinds]}, "status": {"const": status}}}
    said = " ".join(f"{kind.title}: {kind.meaning}" for kind in kinds)
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id",)}
    if status in (409, 429, 503):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    if status == 401:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWW-Authenticate"}
    schema = {"allOf": [{"$ref": REF.format(model="Problem")}, types]}
    return {"description": said, "headers": headers, "content": {PROBLEM: {"schema": schema}}}


# ---- models


def _models(operations: Sequence[Operation]) -> tuple[dict[Any, str], Json]:
    """The names of the models, each as it is asked for or answered; and all their schemas."""
    wanted = {(operation.body, "validation") for operation in operations if operation.body is not None}
    wanted |= {
        (operation.answer, "serialization") for operation in operations if operation.answer is not None
    }
    ordered: Any = sorted(wanted, key=lambda one: (one[0].__module__, one[0].__qualname__, one[1]))
    found, whole = models_json_schema(ordered, ref_template=REF)
    names = {key: _short(schema["$ref"].rpartition("/")[2]) for key, schema in found.items()}
    schemas = {_short(name): schema for name, schema in _tidy(whole.get("$defs", {})).items()}
    assert len(schemas) == len(whole.get("$defs", {})), "two models have one name"
    return names, schemas


def _short(name: str) -> str:
    """Two rooms may have models of one name. pydantic then names them by their modules; we by the room:
    services__api__staff__Person is StaffPerson."""
    *rooms, own = name.split("__")
    return "".join(word.capitalize() for word in rooms[-1].split("_")) + own if rooms else own


_AS_THEY_ARE = ("default", "enum", "const", "examples", "example")


def _tidy(held: Any) -> Any:
    """Without the titles that pydantic makes of names, and with what holds for every model and number."""
    if isinstance(held, list):
        return [_tidy(one) for one in held]
    if not isinstance(held, dict):
        return held
    kept = {
        name: value if name in _AS_THEY_ARE else _tidy(value)
        for name, value in held.items()
        if not (name == "title" and isinstance(value, str))
    }
    if "$ref" in kept:
        at, _, name = kept["$ref"].rpartition("/")
        kept["$ref"] = f"{at}/{_short(name)}"
    if "properties" in kept:
        kept.setdefault("additionalProperties", False)  # the dispatcher takes nothing that is not named
    return _sized(kept) if kept.get("type") == "integer" else kept


def _sized(schema: Json) -> Json:
    """A whole number has 64 bits."""
    whole = {"format": "int64"} if schema.get("type") == "integer" else {}
    return {**whole, **{name: value for name, value in schema.items() if name != "title"}}


# ---- what is the same for all


_PROBLEM: Json = {
    "type": "object",
    "description": "What is wrong with a request (RFC 9457).",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Stable: programs go by it."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "For people."},
        "request_id": {"type": "string", "description": "Ask with it: our log has it."},
        "errors": {
            "type": "array",
            "description": "What is wrong where.",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {
                    "where": {"type": "string", "examples": ["body.amount_cents"]},
                    "what": {"type": "string"},
                },
            },
        },
    },
    "example": {
        "type": problems.NOT_FOUND.type,
        "title": problems.NOT_FOUND.title,
        "status": problems.NOT_FOUND.status,
        "detail": "There is no loan ABC123.",
        "request_id": "1a2b-3c4d5e-6",
    },
}

_HEADERS: Json = {
    "X-Request-Id": {"description": "The request's id in our log.", "schema": {"type": "string"}},
    "RateLimit": {
        "description": "r of the class are left; all are free again after t seconds.",
        "schema": {"type": "string"},
        "example": '"list";r=9;t=6',
    },
    "RateLimit-Policy": {
        "description": "q requests in w seconds.",
        "schema": {"type": "string"},
        "example": '"list";q=10;w=60',
    },
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when this is the kept reply of an earlier request.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Content-Disposition": {
        "description": "The name of the file, of an export.",
        "schema": {"type": "string"},
    },
}
_ON_ALL = ("X-Request-Id", "RateLimit", "RateLimit-Policy")

_PARAMETERS: Json = {
    "IdempotencyKey": {
        "name": idempotency.HEADER,
        "in": "header",
        "description": "Unique for what is to happen once, and the same when it is sent again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
        "example": "7f0c1b52-5f0e-4c6e-9a51-0b7a4a0f2f11",
    },
    "CsrfToken": {
        "name": csrf.HEADER,
        "in": "header",
        "description": "With the cookie only: the `csrf_token` of the login.",
        "schema": {"type": "string"},
    },
}

_SECURITY: Json = {
    "token": {"type": "http", "scheme": "bearer", "description": "A person's access token."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A machine's API key."},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "umoja",
        "description": "The admin page's, `__Host-umoja` but in development. Changes need X-CSRF-Token too.",
    },
}
