"""The parts both menu schemas share: texts, types, options and states, with their hover texts."""

from typing import Any

LANGUAGE = "^[a-z]{2}$"
NAME = "^[a-z][a-z0-9_]*$"

Schema = dict[str, Any]

INPUT_TYPES = {
    "text": "Any words. Needs a length, or a variable with a max.",
    "digits": "Digits kept as written, so 0712 stays 0712.",
    "integer": "A whole number.",
    "money": "Shillings, with cents if typed: 500, 1,500 or 99.50.",
    "phone": "A phone number in any usual form.",
    "date": "A date, typed day first: 23/11/2026.",
    "pin": "A secret: used once, never stored, never logged.",
}
VARIABLE_TYPES = {
    "text": "Words. Needs max: the most characters.",
    "digits": "Digits kept as written. Needs max: the most digits.",
    "integer": "A whole number. Needs max: the largest.",
    "money": "An amount. Needs max, in shillings.",
    "phone": "A phone number.",
    "date": "A date.",
    "flag": "Yes or no (true or false).",
    "record": "Several named values together. Needs fields.",
    "list": "Several records. Needs max and of.",
}


def ref(name: str) -> Schema:
    """A reference to one of the definitions."""
    return {"$ref": f"#/definitions/{name}"}


def described(description: str, schema: Schema) -> Schema:
    """A reference with its own hover text (draft-7 ignores what stands beside a $ref)."""
    return {"description": description, "allOf": [schema]}


def named(description: str) -> Schema:
    """A name: small letters, digits and _."""
    return {"description": description, "type": "string", "pattern": NAME}


def target(description: str) -> Schema:
    """The name of a state."""
    return named(description)


def text(description: str) -> Schema:
    """A text in the languages of the service."""
    return described(description, ref("text"))


def expression(description: str) -> Schema:
    """A CEL expression."""
    return {"description": description, "type": ["string", "boolean"]}


def array(items: Schema, description: str) -> Schema:
    """A list with at least one entry."""
    return {"description": description, "type": "array", "items": items, "minItems": 1}


def enum(values: dict[str, str], description: str) -> Schema:
    """A choice of words; the hover text lists what each one means."""
    lines = [description, *(f"- {word}: {meaning}" for word, meaning in values.items())]
    return {"description": "\n".join(lines), "type": "string", "enum": list(values)}


def definitions() -> dict[str, Schema]:
    """What `$ref` may point at."""
    return {
        "text": _text_definition(),
        "type": _type_definition(),
        "fields": {
            "description": "Named values and their types.",
            "type": "object",
            "propertyNames": {"pattern": NAME},
            "additionalProperties": ref("type"),
            "minProperties": 1,
        },
        "option": _option(),
        "target": _outcome_target(),
        "state": _state(),
        "states": {
            "description": "The states of the dialog by name. A name is small letters, digits and _.",
            "type": "object",
            "propertyNames": {"pattern": NAME},
            "additionalProperties": ref("state"),
        },
    }


def _text_definition() -> Schema:
    return {
        "description": "What the phone shows: one text for all languages, or one each. "
        "{name} or {name|filter} puts in a value; filters: money, number, percent, date, upper, "
        "first, phone.",
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "patternProperties": {LANGUAGE: {"type": "string"}},
                "additionalProperties": False,
                "minProperties": 1,
            },
        ],
    }


def _type_definition() -> Schema:
    return {
        "description": "The type of a value: a word (flag, date, phone) or {type: text, max: 20}.",
        "anyOf": [
            enum(VARIABLE_TYPES, "The type."),
            {
                "type": "object",
                "properties": {
                    "type": enum(VARIABLE_TYPES, "The type."),
                    "max": {
                        "description": "The most characters of a text, digits of digits, shillings of money, "
                        "items of a list, or the largest integer.",
                        "type": ["integer", "string"],
                    },
                    "fields": described("The values of a record.", ref("fields")),
                    "of": described("The values of each item of a list.", ref("fields")),
                },
                "required": ["type"],
                "additionalProperties": False,
            },
        ],
    }


def _option() -> Schema:
    return {
        "description": "One line of a menu: its label in each language and where it leads.",
        "type": "object",
        "properties": {
            "to": target("The state this option leads to."),
            "value": {"description": "What save: keeps when this is chosen.", "type": ["string", "integer"]},
            "key": {
                "description": "A fixed key, in quotes. Dialled shortcuts then survive a new order.",
                "type": "string",
                "pattern": "^[0-9*#]+$",
            },
            "when": expression("Shown only when this condition is true: subscriber.has_loan."),
            "language": {
                "description": "Choosing this switches the dialog to this language.",
                "type": "string",
                "pattern": LANGUAGE,
            },
        },
        "patternProperties": {LANGUAGE: {"type": "string"}},
        "required": ["to"],
        "additionalProperties": False,
    }


def _outcome_target() -> Schema:
    return {
        "description": "The next state, or {to: state, say: a sentence shown above it}.",
        "anyOf": [
            {"type": "string", "pattern": NAME},
            {
                "type": "object",
                "properties": {
                    "to": target("The next state."),
                    "say": text("A sentence shown above the next screen."),
                },
                "required": ["to"],
                "additionalProperties": False,
            },
        ],
    }


KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "menu": ("A question with numbered options.", ("options", "save", "nav", "back", "confirm", "resume")),
    "ask": (
        "A question whose answer is typed.",
        ("as", "save", "length", "check", "invalid", "to", "nav", "back", "confirm", "resume"),
    ),
    "do": ("Calls an action of the service, such as loans.quote.", ("with", "save", "on")),
    "choose": ("Goes on by the first condition that is true; shows nothing.", ()),
    "list": (
        "Options from data, in pages.",
        ("of", "item", "save", "to", "empty", "options", "nav", "back", "confirm", "resume"),
    ),
    "end": ("The last screen; the dialog is over.", ()),
}
REQUIRED: dict[str, tuple[str, ...]] = {
    "menu": ("options",),
    "ask": ("as", "save", "to"),
    "do": ("on",),
    "choose": (),
    "list": ("of", "item", "empty"),
    "end": (),
}


def _state() -> Schema:
    """Exactly one kind a state, each with its own keys, so completion offers only what fits."""
    return {
        "description": "One step. It has exactly one of menu, ask, do, choose, list, end.",
        "type": "object",
        "anyOf": [_state_kind(kind) for kind in KINDS],
    }


def _state_kind(kind: str) -> Schema:
    description, keys = KINDS[kind]
    shared = _state_keys()
    return {
        "title": kind,
        "description": description,
        "type": "object",
        "properties": {kind: _kind_value(kind, description), **{key: shared[key] for key in keys}},
        "required": [kind, *REQUIRED[kind]],
        "additionalProperties": False,
    }


def _kind_value(kind: str, description: str) -> Schema:
    if kind == "do":
        return {"description": description, "type": "string", "pattern": r"^[a-z_]+\.[a-z_]+$"}
    if kind == "choose":
        case = {
            "type": "object",
            "properties": {
                "when": expression("The condition. The last case has none and takes the rest."),
                "to": target("The next state."),
            },
            "required": ["to"],
            "additionalProperties": False,
        }
        return array(case, description)
    return text(description)


def _state_keys() -> dict[str, Schema]:
    nav = {"both": "back and home", "back": "back only", "home": "home only", "none": "neither"}
    number = {"type": ["integer", "string"]}
    return {
        "options": {"description": "The numbered lines.", "type": "array", "items": ref("option")},
        "save": named("The variable that keeps the answer (for a pin: the name of the secret)."),
        "nav": enum(nav, "The keys on the last line."),
        "back": {"description": "false: nobody goes back from here.", "type": "boolean"},
        "confirm": {
            "description": "true: dialled shortcuts and resumed calls stop before this screen.",
            "type": "boolean",
        },
        "resume": {
            "description": "false: a call dropped here leaves nothing to go on with at the next dial.",
            "type": "boolean",
        },
        "as": _answer_type(),
        "length": {"description": "How many characters: 4, or 2..20.", **number},
        "check": array(_check(), "Answers to refuse, and what to say."),
        "invalid": text("Said when the answer cannot be read."),
        "to": target("The next state."),
        "with": {
            "description": "What the action gets: an expression for each argument.",
            "type": "object",
            "additionalProperties": expression("A variable, or an expression over variables."),
        },
        "on": {
            "description": "Where each outcome of the action leads. Every action can also fail: failed.",
            "type": "object",
            "additionalProperties": ref("target"),
            "minProperties": 1,
        },
        "of": named("The list variable to show."),
        "item": text("One line; the values of the item are {item.NAME}."),
        "empty": target("The state to go to when there are no items."),
    }


def _answer_type() -> Schema:
    return {
        "description": "What may be typed.",
        "anyOf": [
            enum(INPUT_TYPES, "The type of the answer."),
            {
                "type": "object",
                "properties": {"pattern": {"description": "A regular expression.", "type": "string"}},
                "required": ["pattern"],
                "additionalProperties": False,
            },
        ],
    }


def _check() -> Schema:
    return {
        "type": "object",
        "properties": {
            "when": expression("The answer is refused when this is true: amount > limit.max."),
            "say": text("Why, in a kind sentence."),
        },
        "required": ["when", "say"],
        "additionalProperties": False,
    }
