"""An example for a JSON schema: what the documentation shows as a body that would be taken.

Of each field its own example, its default, or the simplest value that its schema allows. A model whose
rules go beyond its schema says its own, in `json_schema_extra`.
"""

from collections.abc import Mapping
from typing import Any

_TEXTS = {
    "date": "2026-11-23",
    "date-time": "2026-11-23T06:30:00Z",
    "uuid": "7f0c1b52-5f0e-4c6e-9a51-0b7a4a0f2f11",
    "email": "wanjiru@example.org",
    "uri": "https://example.org/",
}


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value of it. schemas: what its references name."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for said in ("example", "default", "const"):
        if schema.get(said) is not None:
            return schema[said]
    for several in ("examples", "enum"):
        if schema.get(several):
            return schema[several][0]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return example_of(schema[choice][0], schemas)
    if "allOf" in schema:
        return {name: value for part in schema["allOf"] for name, value in example_of(part, schemas).items()}
    return _plain(schema, schemas)


def _plain(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            return {name: example_of(held, schemas) for name, held in schema.get("properties", {}).items()}
        case "array":
            return [example_of(schema.get("items", {}), schemas)] * max(1, schema.get("minItems", 1))
        case "integer" | "number":
            lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            return max(lowest, 1 if schema.get("maximum", 1) >= 1 else lowest)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _TEXTS.get(schema.get("format", ""), "text")[: schema.get("maxLength", 200)].ljust(
                schema.get("minLength", 0), "x"
            )
