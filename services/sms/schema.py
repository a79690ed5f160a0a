"""The JSON Schema of sms.yaml, for editors. It helps while typing; `ussd check` decides, and counts letters.

`python -m services.sms.schema` writes it; a test holds the committed file to what is made here.
"""

import json
from pathlib import Path
from typing import Any

from services.sms.notices import COMMON, NOTICES, Notice
from services.sms.texts import EARLIEST, LATEST, MOST_PARTS
from ussd_engine.menu.check.texts import FITS

FILE = Path(__file__).parents[2] / "menus" / "schema" / "sms.schema.json"
CLOCK = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


def render() -> str:
    """The schema as the text of its committed file."""
    return json.dumps(made(), indent=2, ensure_ascii=False) + "\n"


def made() -> dict[str, Any]:
    """The schema."""
    reminders = [
        name for name, notice in NOTICES.items() if notice.kind == "service" and "due" in notice.slots
    ]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": FILE.name,
        "title": "What a lender says by SMS",
        "description": "The words of each message, and when reminders go. Check with: ussd check FOLDER",
        "type": "object",
        "additionalProperties": False,
        "required": ["quiet", "most_parts", "reminders", "messages"],
        "properties": {
            "most_parts": {
                "description": "What a message may take at most, with the widest values: 160 letters are one"
                " part, more take parts of 153.",
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_PARTS,
            },
            "quiet": _object(
                "Nairobi's hours in which only money is spoken of.",
                {name: {"type": "string", "pattern": CLOCK} for name in ("from", "until")},
            ),
            "reminders": {
                "description": "On which day before (-) or after the due date we say what.",
                "type": "array",
                "items": _object(
                    "A day and its message.",
                    {
                        "days": {"type": "integer", "minimum": EARLIEST, "maximum": LATEST},
                        "say": {"enum": reminders},
                    },
                ),
            },
            "messages": _object(
                "The words of each message, in every language.",
                {name: _message(notice) for name, notice in NOTICES.items()},
            ),
        },
    }


def _message(notice: Notice) -> dict[str, Any]:
    slots = {**COMMON, **notice.slots}
    shown = ", ".join(
        f"{{{name}{'|' + FITS[kind][0] if FITS[kind][0] else ''}}}" for name, kind in slots.items()
    )
    return {
        "description": f"Kind: {notice.kind}. It can say {shown}.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": "^[a-z]{2}$"},
        "additionalProperties": {"type": "string", "minLength": 1},
    }


def _object(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
