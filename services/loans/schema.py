"""The JSON Schema of products.yaml, for editors. It helps while typing; `ussd check` decides.

`python -m services.loans.schema` writes it; a test holds the committed file to what is made here.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from services.loans.products import Products

FILE = Path(__file__).parents[2] / "menus" / "schema" / "products.schema.json"
TITLE = "What a lender lends"
DESCRIPTION = "Products by name. Amounts are shillings, times are days (30d). Check with: ussd check FOLDER"


def render() -> str:
    """The schema as the text of its committed file."""
    return of(Products, FILE.name, TITLE, DESCRIPTION)


def of(model: type[BaseModel], name: str, title: str, description: str) -> str:
    """The schema of a file that is read by a model, as text."""
    made = model.model_json_schema(by_alias=True)
    head = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": name,
        "title": title,
        "description": description,
    }
    rest = {key: value for key, value in _plain(made).items() if key not in head and key != "$defs"}
    definitions = {name: _plain(each) for name, each in made["$defs"].items()}
    text = json.dumps({**head, **rest, "definitions": definitions}, indent=2, ensure_ascii=False)
    return text.replace("#/$defs/", "#/definitions/") + "\n"


def _plain(schema: Any) -> Any:
    """Without the titles that only repeat names and the defaults in cents, which nobody writes."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _plain(each) for name, each in value.items()} if key == "properties" else _plain(value)
        for key, value in schema.items()
        if key not in ("title", "default")
    }


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
