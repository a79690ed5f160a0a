"""The editor's schema of sms.yaml: as it is generated, fitting our file, refusing what the check refuses."""

from typing import Any

import jsonschema
import pytest
import yaml

from services.sms import schema
from services.sms.notices import NOTICES
from tests.sms.conftest import SOURCES

SMS = SOURCES["sms.yaml"]


def ours() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(SMS)
    return read


def test_the_committed_schema_is_the_generated_one() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.render(), "run: python -m services.sms.schema"
    assert SMS.startswith(f"# yaml-language-server: $schema=../schema/{schema.FILE.name}\n")


def test_our_messages_fit_and_every_one_is_explained() -> None:
    jsonschema.Draft7Validator.check_schema(schema.made())
    jsonschema.validate(ours(), schema.made())
    described = schema.made()["properties"]["messages"]["properties"]
    assert set(described) == set(NOTICES)
    assert described["due_soon"]["description"] == (
        "Kind: service. It can say {name}, {paybill}, {ref}, {owed|money}, {due|date}, {days}."
    )


@pytest.mark.parametrize(
    "change",
    [
        {"most_parts": 9},
        {"quiet": {"from": "25:00", "until": "08:00"}},
        {"reminders": [{"days": -3, "say": "limit_raised"}]},
        {"messages": {"limit_rised": {"en": "x"}}},
        {"more": 1},
    ],
)
def test_what_the_check_refuses_is_underlined_while_it_is_typed(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**ours(), **change}, schema.made())
