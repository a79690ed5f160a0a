"""From a request to the values a handler takes. Strict: what the model does not name is refused, a text is
no number, and nothing gets past that PostgreSQL cannot keep: NUL, half a surrogate pair, more than 64 bits.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from services.api.operation import Operation
from services.api.problems import INVALID, MALFORMED, WRONG_TYPE, Problem

MOST_FAULTS = 20
MOST_PATH = 200
MOST_INT = 2**63 - 1
MOST_ACCEPT = 1_000
JSON = "application/json"
FORMATS = {
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/pdf": "pdf",
}

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?")
_UNKEPT = re.compile("[\x00\ud800-\udfff]")  # NUL, or half a surrogate pair
Faults = list[dict[str, str]]


def path_of(operation: Operation, given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of the path. Raises INVALID."""
    found: dict[str, Any] = {}
    faults: Faults = []
    for name, wanted in operation.path_types.items():
        try:
            found[name] = _in_path(wanted, given[name])
        except ValueError as error:
            faults.append({"where": f"path.{name}", "what": str(error)})
    _require_none(faults)
    return found


def query_of(operation: Operation, given: Mapping[str, list[str]]) -> BaseModel | None:
    """The query string, as the operation's model. Raises INVALID."""
    model = operation.query
    known = _kinds(model) if model is not None else {}
    faults: Faults = []
    values: dict[str, Any] = {}
    for name, texts in given.items():
        if name not in known:
            faults.append({"where": f"query.{name[:80]}", "what": "is not known here"})
        elif "array" in known[name]:
            values[name] = [_typed(known[name], text) for text in texts]
        elif len(texts) > 1:
            faults.append({"where": f"query.{name}", "what": "may be given once"})
        else:
            values[name] = _typed(known[name], texts[0])
    faults += _unfit("query", values)
    _require_none(faults)
    return None if model is None else validated(model, orjson.dumps(values), "query")


def format_of(operation: Operation, accept: str) -> str | None:
    """The `format` that an Accept header asks for, of an operation that streams: the first of its content
    types that stands before JSON. None: as the query says, or as usual."""
    if operation.query is None or "format" not in operation.query.model_fields:
        return None
    streams = {each.partition(";")[0] for each in operation.streams}
    for part in accept[:MOST_ACCEPT].split(","):
        media = part.partition(";")[0].strip().lower()
        if media in streams and media in FORMATS:
            return FORMATS[media]
        if media in (JSON, "*/*", "application/*"):
            return None
    return None


def body_of(operation: Operation, content_type: str, body: bytes) -> BaseModel | None:
    """The body, as the operation's model. Raises WRONG_TYPE, MALFORMED and INVALID."""
    model = operation.body
    if model is None:
        if body.strip() not in (b"", b"{}"):
            raise INVALID.of("This takes no body.", [{"where": "body", "what": "must not be there"}])
        return None
    if not body:
        raise INVALID.of("This needs a body.", [{"where": "body", "what": "is missing"}])
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise WRONG_TYPE.of(f"The body must be {JSON}.")
    try:
        held = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise MALFORMED.of("The body is not JSON.") from None
    _require_none(_unfit("body", held))
    return validated(model, body, "body")


def given(model: type[BaseModel] | None, held: BaseModel | Mapping[str, Any] | None) -> BaseModel | None:
    """What a page hands over in-process: a model as it is, values as the model reads them. Raises INVALID."""
    if model is None or isinstance(held, model):
        assert model is not None or not held, "this takes nothing"
        return held if isinstance(held, BaseModel) else None
    _require_none(_unfit("body", held or {}))
    try:
        return model.model_validate(held or {}, extra="forbid")
    except ValidationError as error:
        raise _invalid(error, "body") from None


def validated(model: type[BaseModel], text: bytes, where: str) -> BaseModel:
    """JSON as the model, strictly. Raises INVALID."""
    try:
        return model.model_validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        raise _invalid(error, where) from None


def _invalid(error: ValidationError, where: str) -> Problem:
    faults = [
        {"where": ".".join([where, *(str(part)[:80] for part in fault["loc"])]), "what": fault["msg"]}
        for fault in error.errors(include_url=False, include_input=False)[:MOST_FAULTS]
    ]
    return INVALID.of(_sentence(faults), faults)


def _require_none(faults: Faults) -> None:
    if faults:
        raise INVALID.of(_sentence(faults), faults[:MOST_FAULTS])


def _sentence(faults: Faults) -> str:
    if len(faults) == 1:
        return f"{faults[0]['where']}: {faults[0]['what']}."
    return f"{len(faults)} values are not allowed."


def _in_path(wanted: type, text: str) -> Any:
    """A value of the path. Raises ValueError with what it must be."""
    if wanted is int:
        if not _INTEGER.fullmatch(text) or abs(int(text)) > MOST_INT:
            raise ValueError("must be a whole number")
        return int(text)
    if wanted is date:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError("must be a date such as 2026-11-23")
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError("must be a date such as 2026-11-23") from None
    if len(text) > MOST_PATH or _unkept(text):
        raise ValueError(f"must be a text of up to {MOST_PATH} characters")
    return wanted(text)


@lru_cache(maxsize=500)
def _kinds(model: type[BaseModel]) -> dict[str, frozenset[str]]:
    """The JSON types that each field of a query may have."""
    schema = model.model_json_schema()
    return {name: frozenset(_types(schema, part)) for name, part in schema["properties"].items()}


def _types(schema: Any, part: Any) -> Iterator[str]:
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    if "type" in part:
        yield part["type"]
    if part.get("type") == "array":
        yield from _types(schema, part.get("items", {}))
    for one in (*part.get("anyOf", ()), *part.get("oneOf", ()), *part.get("allOf", ())):
        yield from _types(schema, one)


def _typed(kinds: frozenset[str], text: str) -> Any:
    """A text of the query string as the JSON it stands for; as it is, when it is none of these."""
    if "integer" in kinds and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in kinds and "string" not in kinds and _NUMBER.fullmatch(text):
        return float(text)
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    return text


def _unfit(where: str, held: Any) -> Faults:
    """What PostgreSQL could not keep."""
    faults: Faults = []
    waiting = [(where, held)]
    while waiting and len(faults) < MOST_FAULTS:
        at, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(f"{at}.{str(name)[:80]}", each) for name, each in value.items()]
            faults += [{"where": at, "what": "has a name with NUL"} for name in value if _unkept(str(name))]
        elif isinstance(value, list | tuple):
            waiting += [(f"{at}.{place}", each) for place, each in enumerate(value)]
        elif isinstance(value, str) and _unkept(value):
            faults.append({"where": at, "what": "holds a character that cannot be kept"})
        elif isinstance(value, int | float) and not abs(value) <= MOST_INT:  # not: NaN is no number
            faults.append({"where": at, "what": "is too large"})
    return faults


def _unkept(text: str) -> bool:
    return _UNKEPT.search(text) is not None
