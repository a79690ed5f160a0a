"""JSON Schemas of the menu files, for completion and hover text in any editor with a YAML language server.

The schemas help while typing; they decide nothing: `ussd check` does. They keep to the part of draft-7
that editors share. Each description is a hover text: one or two sentences for a product manager.
`ussd schema` writes them to menus/schema/; a test holds the committed files to what is generated here.
"""

import json
from pathlib import Path

from ussd_engine.menu.schema_parts import (
    LANGUAGE,
    NAME,
    Schema,
    array,
    definitions,
    enum,
    named,
    ref,
    target,
)

DRAFT = "http://json-schema.org/draft-07/schema#"
DURATION = "^[0-9]+[smh]$"


def menu_schema() -> Schema:
    """The schema of an included file: its states."""
    return {
        "$schema": DRAFT,
        "$id": "menu.schema.json",
        "title": "USSD menu file",
        "description": "Screens and steps of a USSD service. Check it with: ussd check FOLDER",
        "type": "object",
        "properties": {"states": ref("states")},
        "required": ["states"],
        "additionalProperties": False,
        "definitions": definitions(),
    }


def service_schema() -> Schema:
    """The schema of service.yaml: the codes, languages and variables of a service."""
    properties = {
        "service": named("The service's name: the folder's name, and the plug-in that runs its actions."),
        "codes": array(
            {"type": "string", "pattern": r"^\*[0-9*]+#$"},
            'The codes people dial, in quotes: "*384*89598#".',
        ),
        "languages": array(
            {"type": "string", "pattern": LANGUAGE},
            "Two-letter languages. The first is spoken until the person chooses.",
        ),
        "start": target("The state a fresh dial begins with."),
        "home": target("The state the home key goes to. Without it: start."),
        "session": _session(),
        "screen": {
            "description": "Characters a screen holds (GSM-7 septets), 40 to 182. 160 is safe everywhere.",
            "type": ["integer", "string"],
            "default": 160,
        },
        "keys": _keys(),
        "include": array({"type": "string", "pattern": r"\.yaml$"}, "Files of this folder with more states."),
        **_declarations(),
        "states": ref("states"),
    }
    return {
        "$schema": DRAFT,
        "$id": "service.schema.json",
        "title": "USSD service",
        "description": "The first file of a menu folder. Check it with: ussd check FOLDER",
        "type": "object",
        "properties": properties,
        "required": ["service", "codes", "languages", "start"],
        "additionalProperties": False,
        "definitions": definitions(),
    }


def _declarations() -> Schema:
    return {
        "subscriber": {
            "description": "What the service knows about each person; read as subscriber.NAME.",
            "type": "object",
            "propertyNames": {"pattern": NAME},
            "additionalProperties": ref("type"),
        },
        "vars": {
            "description": "What a dialog remembers, with its type and greatest length.",
            "type": "object",
            "propertyNames": {"pattern": NAME},
            "additionalProperties": ref("type"),
        },
        "messages": {
            "description": "Your own wording of the engine's sentences, such as invalid_choice.",
            "type": "object",
            "additionalProperties": ref("text"),
        },
    }


def render(schema: Schema) -> str:
    """A schema as the text of its committed file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def files() -> dict[str, str]:
    """File name → text of every schema file."""
    return {
        "menu.schema.json": render(menu_schema()),
        "service.schema.json": render(service_schema()),
    }


def write(folder: Path) -> list[Path]:
    """Write the schema files to a folder (made if missing) and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in files().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _duration(description: str) -> Schema:
    return {"description": description, "type": "string", "pattern": DURATION}


def _session() -> Schema:
    resume = {
        "start": "from the beginning",
        "continue": "where the dropped call stopped",
        "ask": "the person chooses",
    }
    return {
        "description": "How long a dialog lives, and what happens after a dropped call.",
        "type": "object",
        "properties": {
            "timeout": _duration("How long the network keeps a session open: 180s."),
            "resume": enum(resume, "Where the next dial begins after a dropped call."),
            "resume_for": _duration("How long after a dropped call that is offered: 10m."),
        },
        "additionalProperties": False,
    }


def _keys() -> Schema:
    def key(description: str) -> Schema:
        return {"description": description, "type": "string", "pattern": "^[0-9*#]+$"}

    return {
        "description": "The keys of the last line of a screen. Write them in quotes.",
        "type": "object",
        "properties": {
            "back": key('One screen back: "0".'),
            "home": key('The first screen: "00".'),
            "more": key('The rest of a long screen: "98".'),
        },
        "additionalProperties": False,
    }
