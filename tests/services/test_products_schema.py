from typing import Any

import pytest
import yaml

from services.loans import schema
from tests.services.world import FOLDER


def rule(*path: str) -> dict[str, Any]:
    """The part of the schema for a value of a product."""
    made = yaml.safe_load(schema.render())
    found: dict[str, Any] = made["definitions"]["Product"]
    for name in path:
        found = found["properties"][name]
        reference = found.get("$ref") or (found.get("allOf") or [{}])[0].get("$ref")
        found = made["definitions"][reference.rsplit("/", 1)[1]] if reference else found
    return found


def test_the_committed_schema_is_the_generated_one() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.render(), "run: python -m services.loans.schema"


def test_the_products_name_their_schema_in_their_first_line() -> None:
    first = (FOLDER / "products.yaml").read_text().splitlines()[0]

    assert first == f"# yaml-language-server: $schema=../schema/{schema.FILE.name}"


@pytest.mark.parametrize("path", [("limit", "first"), ("late", "penalty"), ("term",), ("repayment", "order")])
def test_each_field_is_explained_where_it_is_typed(path: tuple[str, ...]) -> None:
    assert rule(*path)["description"]


def test_a_percent_is_text_and_an_amount_may_be_a_number() -> None:
    assert (rule("fee")["type"], rule("fee")["pattern"]) == ("string", r"^([0-9]+(?:\.[0-9]{1,2})?)%$")
    assert rule("least")["type"] == ["string", "integer"]


def test_our_products_use_only_fields_of_the_schema() -> None:
    product = yaml.safe_load((FOLDER / "products.yaml").read_text())["products"]["umoja30"]

    for name, value in product.items():
        assert name in rule()["properties"]
        if isinstance(value, dict) and name != "rollover":
            assert set(value) <= set(rule(name)["properties"]), name
