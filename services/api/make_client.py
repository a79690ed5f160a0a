"""Writes the generated part of the client from the table of operations: `python -m services.api.make_client`.

models.py has a model for each schema of the OpenAPI document, and one module for each heading has a method
for each operation. tests/api/test_client.py compares them with what this would write now.
"""

import keyword
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from services.api import app, openapi
from services.api.operation import Operation

Json = Mapping[str, Any]

FOLDER = Path(__file__).parents[1] / "client" / "generated"
NOTE = "Made by `python -m services.api.make_client`; not by hand."
_PLAIN = {"integer": "int", "number": "float", "boolean": "bool", "null": "None", "string": "str"}
_TIMES = {"date": "date", "date-time": "datetime"}
_PAGING = ("cursor", "after", "skip")  # what a walk through all pages says itself
_PAGE_OF_A_LIST = ("cursor", "limit", "skip", "total")


def files() -> dict[str, str]:
    """The text of each generated file, by its name."""
    document = openapi.document(app.rooms(), "0")
    schemas = document["components"]["schemas"]
    headings: dict[str, list[Operation]] = {}
    for room in app.rooms():
        headings.setdefault(room.tag, []).extend(room.operations)
    found = {"models.py": _models(schemas)}
    for heading, operations in headings.items():
        found[f"{_module(heading)}.py"] = _methods(heading, operations, document)
    found["__init__.py"] = _api(list(headings))
    return {name: _formatted(text) for name, text in found.items()}


def write() -> None:
    """Replace what is there."""
    FOLDER.mkdir(exist_ok=True)
    made = files()
    for old in FOLDER.glob("*.py"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)


# ---- models


def _models(schemas: Json) -> str:
    names = {name for name in schemas if name != "Problem"}
    written = [_model(name, schemas[name]) for name in sorted(names)]
    imports = "from datetime import date, datetime\nfrom typing import Any, Literal\n\n"
    base = (
        "class Model(BaseModel):\n"
        '    """What newer servers add is left aside."""\n\n'
        '    model_config = ConfigDict(extra="ignore", protected_namespaces=(), populate_by_name=True)\n'
    )
    head = f'"""What is asked with and answered. {NOTE}"""\n\nfrom __future__ import annotations\n\n{imports}'
    return head + "\n\n\n".join(["from pydantic import BaseModel, ConfigDict, Field", base, *written]) + "\n"


def _model(name: str, schema: Json) -> str:
    said = _one_line(schema.get("description", ""))
    if "properties" not in schema:
        return f"{name} = {_type(schema)}" + (f"\n{_docstring(said)}" if said else "")
    lines = [f"class {name}(Model):", f"    {_docstring(said or name)}", ""]
    for field, held in schema["properties"].items():
        lines.append(f"    {_field(field, held, required=field in schema.get('required', ()))}")
    return "\n".join(lines)


def _field(name: str, schema: Json, *, required: bool) -> str:
    own = f"{name}_" if keyword.iskeyword(name) else name
    kind = _type(schema)
    if required:
        return f'{own}: {kind} = Field(alias="{name}")' if own != name else f"{own}: {kind}"
    default = schema.get("default")
    if default is None and "None" not in kind.split(" | "):
        kind += " | None"
    if own != name:
        return f'{own}: {kind} = Field({default!r}, alias="{name}")'
    return f"{own}: {kind} = {default!r}"


def _type(schema: Json, prefix: str = "") -> str:
    """The annotation of a schema. prefix: where the models are."""
    if "$ref" in schema:
        return prefix + str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " | ".join(dict.fromkeys(_type(one, prefix) for one in schema[choice]))
    return _plain(schema, prefix)


def _plain(schema: Json, prefix: str) -> str:
    match schema.get("type"):
        case "array":
            return f"list[{_type(schema.get('items', {}), prefix)}]"
        case "object":
            held = schema.get("additionalProperties")
            return f"dict[str, {_type(held, prefix) if isinstance(held, Mapping) else 'Any'}]"
        case "string":
            return _TIMES.get(schema.get("format", ""), "str")
        case kind:
            return _PLAIN.get(str(kind), "Any")


# ---- methods


def _methods(heading: str, operations: list[Operation], document: Json) -> str:
    body = "\n\n".join(text for operation in operations for text in _of_operation(operation, document))
    names = _words(heading)
    return (
        f'"""{heading}. {NOTE}"""\n\n'
        "from collections.abc import AsyncIterator, Sequence\n"
        "from datetime import date, datetime\n"
        "from typing import Any, Literal\n\n"
        "from services.client.caller import Caller, in_path\n"
        "from services.client.generated import models\n\n\n"
        f"class {''.join(names)}(Caller):\n"
        f'    """{heading}."""\n\n'
        f"{body}\n"
    )


def _of_operation(operation: Operation, document: Json) -> Iterator[str]:
    held = document["paths"][operation.url][operation.method.lower()]
    in_query = [part for part in held["parameters"] if part.get("in") == "query"]
    query = [part for part in in_query if part["name"] not in operation.path_types]
    if operation.streams and operation.answer is None:
        yield _file(operation, query)
        return
    if operation.streams:
        query_of_pages = [part for part in query if part["name"] != "format"]
        yield _method(operation, held, query_of_pages)
        yield _file(operation, [part for part in query if part["name"] not in _PAGE_OF_A_LIST])
        query = query_of_pages
    else:
        yield _method(operation, held, query)
    if operation.answer is not None:
        row = _row(held, document)
        names = {part["name"] for part in query}
        if row and names & {"cursor", "after"}:
            yield _walk(operation, [part for part in query if part["name"] not in _PAGING], row,
                        "cursor" if "cursor" in names else "after")  # fmt: skip


def _method(operation: Operation, held: Json, query: list[Json]) -> str:
    answer = _answer(held)
    takes, hands = _signature(operation, held, query)
    call = f'"{operation.method}", {_path(operation)}, {_query(query)}{hands}'
    asked = f"await self._ask({call})" if answer is None else f"return await self._for({answer}, {call})"
    return (
        f"    async def {operation.name}(self{takes}) -> {answer or 'None'}:\n"
        f"        {_docstring(operation.summary + '.')}\n"
        f"        {asked}"
    )


def _signature(operation: Operation, held: Json, query: list[Json]) -> tuple[str, str]:
    """What a method takes after `self`, and what it hands on after the query."""
    takes = "".join(f", {name}: {kind.__name__}" for name, kind in operation.path_types.items())
    hands = ""
    if "requestBody" in held:
        schema = held["requestBody"]["content"][openapi.JSON]["schema"]
        takes += f", body: {_type(schema, 'models.')}"
        hands += ", body"
    named = "".join(f", {_argument(part)}" for part in query)
    if any(part.get("$ref", "").endswith("IdempotencyKey") for part in held["parameters"]):
        named += ", idempotency_key: str | None = None"
        hands += ", key=self._key(idempotency_key)"
    return takes + (f", *{named}" if named else ""), hands


def _file(operation: Operation, query: list[Json]) -> str:
    asked = [part for part in query if part["name"] != "format"]
    takes, _ = _signature(operation, {"parameters": []}, asked)
    said = operation.summary + "."
    for part in query:
        if part["name"] == "format":
            kinds = ", ".join(f'"{kind}"' for kind in part["schema"]["enum"] if kind != "json")
            takes += ("" if ", *" in takes else ", *") + f', format: Literal[{kinds}] = "csv"'
            said = f"{operation.summary}: a file with all of it, as it comes."
            asked.append(part)
    return (
        f"    def export_{_subject(operation)}(self{takes}) -> AsyncIterator[bytes]:\n"
        f'        """{said}"""\n'
        f"        return self._stream({_path(operation)}, {_query(asked)})"
    )


def _walk(operation: Operation, query: list[Json], row: str, by: str) -> str:
    takes, _ = _signature(operation, {"parameters": []}, query)
    path = "".join(f"{name}, " for name in operation.path_types)
    hands = "".join(f"{_own(part)}={_own(part)}, " for part in query)
    kind, first, following = ("str | None", "None", "next") if by == "cursor" else ("int", "0", "next_after")
    return (
        f"    async def each_of_{_subject(operation)}(self{takes}) -> AsyncIterator[{row}]:\n"
        f'        """{operation.summary}: every one, page after page."""\n'
        f"        {by}: {kind} = {first}\n"
        f"        while True:\n"
        f"            page = await self.{operation.name}({path}{hands}{by}={by})\n"
        f"            for row in page.items:\n"
        f"                yield row\n"
        f"            if page.{following} is None:\n"
        f"                return\n"
        f"            {by} = page.{following}"
    )


def _row(held: Json, document: Json) -> str:
    """The model of a page's rows; empty when the answer is no page."""
    name = (_answer(held) or "").removeprefix("models.")
    items = document["components"]["schemas"][name].get("properties", {}).get("items")
    return _type(items["items"], "models.") if items else ""


def _answer(held: Json) -> str | None:
    for status, answer in held["responses"].items():
        if status.startswith("2") and openapi.JSON in answer.get("content", {}):
            return _type(answer["content"][openapi.JSON]["schema"], "models.")
    return None


def _argument(part: Json) -> str:
    kind = _type(part["schema"], "models.").replace("list[", "Sequence[")
    return f"{_own(part)}: {kind}" + ("" if part["required"] else " | None = None")


def _query(query: list[Json]) -> str:
    return "{" + ", ".join(f'"{part["name"]}": {_own(part)}' for part in query) + "}"


def _path(operation: Operation) -> str:
    path = operation.path
    for name, kind in operation.path_types.items():
        if kind is not int:
            path = path.replace(f"{{{name}}}", f"{{in_path({name})}}")
    return f'f"{path}"' if operation.path_types else f'"{path}"'


def _own(part: Json) -> str:
    name = str(part["name"])
    return f"{name}_" if keyword.iskeyword(name) else name


def _subject(operation: Operation) -> str:
    return operation.name.removeprefix("list_").removeprefix("get_").removeprefix("run_")


# ---- the whole


def _api(headings: list[str]) -> str:
    imports = "".join(
        f"from services.client.generated.{_module(name)} import {''.join(_words(name))}\n"
        for name in headings
    )
    parents = ", ".join("".join(_words(name)) for name in headings)
    return (
        f'"""Every operation. {NOTE}"""\n\n{imports}\n\n'
        f'class Operations({parents}):\n    """A method for each operation of the API."""\n'
    )


def _module(heading: str) -> str:
    return "_".join(_words(heading)).lower()


def _words(heading: str) -> list[str]:
    return [word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", heading)]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _docstring(text: str) -> str:
    return f'"""{_one_line(text)}"""'


def _formatted(text: str) -> str:
    for command in (["check", "--fix", "--quiet", "--select", "F401,I", "-"], ["format", "--quiet", "-"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(FOLDER / "x.py")],
            input=text, capture_output=True, text=True, check=False, cwd=FOLDER.parents[2],
        )  # fmt: skip
        assert done.stdout, done.stderr
        text = done.stdout
    return text


if __name__ == "__main__":
    write()
