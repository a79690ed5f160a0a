"""What a form sent becomes an operation's path and body."""

from typing import Any

import pytest
from multidict import MultiDict

from services.admin import forms
from services.admin.visit import named
from services.api.problems import Problem


def read(name: str, *sent: tuple[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    return forms.read(named()[name], MultiDict(sent))


def test_a_file_keeps_its_name_with_dots_and_every_space_of_its_text() -> None:
    typed = "  - a: 1  \r\n\r\n# the end\r\n"
    _, body = read("propose_menus", ("_csrf", "x"), ("file.loans.yaml", typed), ("file.sub/x.y.yaml", ""),
                   ("note", " Shorter words "))  # fmt: skip
    assert body == {
        "sources": {"loans.yaml": "  - a: 1  \n\n# the end\n", "sub/x.y.yaml": ""},
        "note": "Shorter words",
    }


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ([("bool.value", "true")], True),
        ([("bool.value", "false")], False),
        ([("int.value", "1")], 1),
        ([("int.value", "12,000")], 12_000),
        ([("null.int.value", "")], None),
        ([("null.kes.value", " 1,234.50 ")], 123_450),
        ([("null.kes.value", "")], None),
        (
            [("hours.value.from", "20:00"), ("hours.value.until", "08:00")],
            {"from": "20:00", "until": "08:00"},
        ),
        ([("hours.value.from", ""), ("hours.value.until", "")], None),
        ([("hours.value.from", ""), ("hours.value.until", "08:00")], {"until": "08:00"}),
        ([("hours.value.from", "20:00"), ("hours.value.until", "")], {"from": "20:00"}),
    ],
)
def test_a_setting_has_the_type_its_field_names(sent: list[tuple[str, str]], value: Any) -> None:
    path, body = read("change_setting", ("path.name", "quiet_hours"), *sent)
    assert path == {"name": "quiet_hours"}
    assert body == {"value": value}
    assert type(body["value"]) is type(value)


@pytest.mark.parametrize(
    ("name", "typed"),
    [("int.value", "1.5"), ("int.value", "١"), ("int.value", "9" * 40), ("bool.value", "1"),
     ("null.kes.value", "1.234"), ("null.int.value", "x")],
)  # fmt: skip
def test_what_is_typed_wrongly_is_said_in_words(name: str, typed: str) -> None:
    with pytest.raises(Problem) as raised:
        read("change_setting", (name, typed))
    assert repr(typed[:20]) in raised.value.detail
