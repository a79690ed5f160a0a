"""The editor's schemas: committed as generated, true to what the reader accepts, and fitting our menus."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ussd_engine.menu import schema, schema_parts
from ussd_engine.menu.reading.states import ANSWERS, KINDS

ROOT = Path(__file__).parents[2]
MENUS = sorted((ROOT / "menus" / "umoja").glob("*.yaml"))
OURS = [path for path in MENUS if path.stem not in ("products", "scorecard", "rules", "sms")]
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def fits(value: Any, rule: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value fits, by the keywords our schemas use; another keyword is a fault of the test."""
    left = set(rule) - {"title", "description", "$schema", "$id", "definitions", "default"}
    checks = {
        "$ref": lambda name: fits(value, root["definitions"][name.rsplit("/", 1)[1]], root),
        "allOf": lambda rules: all(fits(value, each, root) for each in rules),
        "anyOf": lambda rules: any(fits(value, each, root) for each in rules),
        "type": lambda names: isinstance(
            value, tuple(TYPES[name] for name in ([names] if isinstance(names, str) else names))
        ),
        "enum": lambda words: value in words,
        "pattern": lambda pattern: not isinstance(value, str) or re.search(pattern, value) is not None,
        "minItems": lambda least: not isinstance(value, list) or len(value) >= least,
        "minProperties": lambda least: not isinstance(value, dict) or len(value) >= least,
        "items": lambda each: not isinstance(value, list) or all(fits(item, each, root) for item in value),
        "required": lambda names: not isinstance(value, dict) or all(name in value for name in names),
        "propertyNames": lambda each: not isinstance(value, dict) or all(fits(n, each, root) for n in value),
        "properties": lambda _: not isinstance(value, dict) or properties_fit(value, rule, root),
        "patternProperties": lambda _: not isinstance(value, dict) or properties_fit(value, rule, root),
        "additionalProperties": lambda _: not isinstance(value, dict) or properties_fit(value, rule, root),
    }
    return all(checks[keyword](rule[keyword]) for keyword in left)


def properties_fit(value: dict[str, Any], rule: dict[str, Any], root: dict[str, Any]) -> bool:
    for name, held in value.items():
        rules = [rule["properties"][name]] if name in rule.get("properties", {}) else []
        patterns = rule.get("patternProperties", {})
        rules += [each for pattern, each in patterns.items() if re.search(pattern, name)]
        if not rules:
            other = rule.get("additionalProperties", True)
            rules = [] if other is True else [{"enum": []}] if other is False else [other]
        if not all(fits(held, each, root) for each in rules):
            return False
    return True


class EditorLoader(yaml.SafeLoader):
    """YAML 1.2 types, as the YAML language server reads them: `no` and `on` are text."""


EditorLoader.yaml_implicit_resolvers = {}
EditorLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(true|false)$"), list("tf"))
EditorLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("-?[0-9]+$"), list("-0123456789"))


def fits_schema(text: str, service: bool) -> bool:
    rule = schema.service_schema() if service else schema.menu_schema()
    return fits(yaml.load(text, EditorLoader), rule, rule)


def test_the_committed_schemas_are_the_generated_ones() -> None:
    made = schema.files()
    committed = {name: (ROOT / "menus/schema" / name).read_text(encoding="utf-8") for name in made}
    assert committed == made, "run: ussd schema"


def test_write_makes_the_files(tmp_path: Path) -> None:
    written = schema.write(tmp_path / "schema")
    assert [path.name for path in written] == ["menu.schema.json", "service.schema.json"]
    assert json.loads(written[0].read_text())["title"] == "USSD menu file"


def test_the_schema_knows_the_keys_the_reader_knows() -> None:
    assert {kind: sorted(keys) for kind, (_, keys) in schema_parts.KINDS.items()} == {
        kind: sorted(keys) for kind, keys in KINDS.items()
    }
    assert tuple(schema_parts.INPUT_TYPES) == ANSWERS


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_our_menus_fit_and_name_their_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    service = path.name == "service.yaml"
    name = "service" if service else "menu"
    assert text.startswith(f"# yaml-language-server: $schema=../schema/{name}.schema.json\n")
    assert fits_schema(text, service)


@pytest.mark.parametrize(
    "state",
    [
        "{menu: Hello}",
        "{menu: Hello, options: [{en: A}]}",
        "{menu: Hello, end: Bye, options: [{en: A, to: b}]}",
        "{ask: How much, as: mony, save: amount, to: b}",
        "{do: quote, on: {ok: b}}",
        "{end: Bye, to: b}",
    ],
)
def test_what_the_reader_refuses_is_underlined(state: str) -> None:
    assert not fits_schema(f"states: {{a: {state}}}", service=False)


def test_every_key_has_a_hover_text() -> None:
    bare = [
        f"{name}.{key}"
        for name, definition in schema_parts.definitions().items()
        for key, rule in definition.get("properties", {}).items()
        if "description" not in rule
    ]
    assert bare == []
