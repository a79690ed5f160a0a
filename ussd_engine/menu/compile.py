"""The model as tables: plain JSON-able data that `core_ext.program.Program` is built from.

Only a model without errors compiles whole; `compile_state` takes any state, so that a screen can be
measured while other states still have faults.
"""

from typing import Any

from core_ext.text import to_gsm
from ussd_engine.actions import Registry
from ussd_engine.menu.findings import Position, Report
from ussd_engine.menu.liveness import live_variables
from ussd_engine.menu.messages import DEFAULTS
from ussd_engine.menu.model import (
    Ask,
    Choose,
    Condition,
    Do,
    End,
    Listing,
    Menu,
    Model,
    Option,
    Screen,
    State,
    Text,
    VarType,
    Wording,
)
from ussd_engine.menu.reading.texts import read_wording
from ussd_engine.menu.source import Scalar
from ussd_engine.plugin import Service

Table = dict[str, Any]
Segments = list[Any]
_NOWHERE = Position("", 1, 1)


def compile_model(model: Model, service: Service) -> Table:
    """The tables of a checked model. The service's registry says which actions have an effect."""
    assert model.start is not None
    states = [compile_state(state, model, service.registry) for state in model.states.values()]
    live = live_variables(states, model.variables)
    return {
        "service": model.service,
        "codes": [code.value for code in model.codes],
        "languages": list(model.languages),
        "start": model.start.value,
        "home": model.home.value if model.home else model.start.value,
        "timeout_s": model.timeout_s,
        "resume": model.resume,
        "resume_for_s": model.resume_for_s,
        "screen": model.screen,
        "keys": {"back": model.keys.back, "home": model.keys.home, "more": model.keys.more},
        "messages": compile_messages(model),
        "states": [{**state, "keeps": live[state["name"]]} for state in states],
        "vars": {name: compile_type(variable.type) for name, variable in model.variables.items()},
        "subscriber": {name: unknown_value(field.type) for name, field in model.subscriber.items()},
    }


def unknown_value(declared: VarType) -> Any:
    """What a field of the profile is while nobody has said: no, nothing, an empty text."""
    if declared.kind == "flag":
        return False
    if declared.kind in ("integer", "money"):
        return 0
    if declared.kind == "record":
        return {name: unknown_value(field) for name, field in declared.fields.items()}
    return [] if declared.kind == "list" else ""


def compile_messages(model: Model) -> Table:
    """Every sentence of the engine in every language: the service's own words, else the engine's."""
    compiled: Table = {}
    for name, defaults in DEFAULTS.items():
        texts = {
            language: _words(words) for language, words in defaults.items() if language in model.languages
        }
        override = model.messages.get(name)
        compiled[name] = {**texts, **(compile_text(override) if override else {})}
    return compiled


def _words(text: str) -> Segments:
    return _segments(read_wording(Scalar(text, _NOWHERE), Report()))


def compile_text(text: Text) -> Table:
    """Segments by language."""
    return {language: _segments(wording) for language, wording in text.languages.items()}


def _segments(wording: Wording) -> Segments:
    """Literals with GSM-7 punctuation, and [path, filter] for each slot."""
    return [
        to_gsm(segment) if isinstance(segment, str) else [list(segment.path), segment.filter]
        for segment in wording.segments
    ]


def compile_type(declared: VarType) -> Table:
    """A type: {"type": "money", "max": cents}; records have "fields", lists "of"."""
    compiled: Table = {"type": declared.kind}
    if declared.max is not None:
        compiled["max"] = declared.max
    if declared.kind in ("record", "list"):
        inner = {name: compile_type(field) for name, field in declared.fields.items()}
        compiled["fields" if declared.kind == "record" else "of"] = inner
    return compiled


def compile_state(state: State, model: Model, registry: Registry) -> Table:
    """One row of the table of states."""
    match state:
        case Menu():
            return _menu(state)
        case Ask():
            return _ask(state, model)
        case Do():
            return _do(state, registry)
        case Choose():
            cases = [[_source(case.when), _name(case.to)] for case in state.cases]
            return {"name": state.name, "kind": "choose", "cases": cases}
        case Listing():
            return _list(state)
        case End():
            return {"name": state.name, "kind": "end", "text": compile_text(state.text)}


def _menu(state: Menu) -> Table:
    return {
        "name": state.name,
        "kind": "menu",
        "text": compile_text(state.text),
        "options": [_option(option) for option in state.options],
        "save": _name(state.save),
        **_screen(state.screen),
    }


def _ask(state: Ask, model: Model) -> Table:
    saved = model.variables.get(state.save.value) if state.save else None
    most = saved.type.max if saved else None
    counted = state.kind in ("money", "integer")
    least_length, most_length = state.length or (None, None if counted else most)
    return {
        "name": state.name,
        "kind": "ask",
        "text": compile_text(state.text),
        "as": state.kind,
        **({"pattern": state.pattern.value} if state.pattern else {}),
        "save": _name(state.save),
        "min_length": least_length,
        "max_length": most_length,
        "min_value": None,
        "max_value": most if counted else None,
        "check": [[_source(check.when), compile_text(check.say)] for check in state.checks],
        "invalid": compile_text(state.invalid) if state.invalid else None,
        "to": _name(state.to),
        **_screen(state.screen, pin=state.kind == "pin"),
    }


def _do(state: Do, registry: Registry) -> Table:
    action = registry.get(state.action.value) if state.action else None
    return {
        "name": state.name,
        "kind": "do",
        "action": _name(state.action),
        "with": {argument.name.value: argument.value.source.value for argument in state.arguments},
        "save": _name(state.save),
        "effect": action is not None and action.effect,
        "on": {
            route.outcome.value: [_name(route.to), compile_text(route.say) if route.say else None]
            for route in state.routes
        },
    }


def _list(state: Listing) -> Table:
    return {
        "name": state.name,
        "kind": "list",
        "text": compile_text(state.text),
        "of": _name(state.of),
        "item": compile_text(state.item),
        "save": _name(state.save),
        "to": _name(state.to),
        "empty": _name(state.empty),
        "options": [_option(option) for option in state.options],
        **_screen(state.screen),
    }


def _option(option: Option) -> Table:
    return {
        "label": compile_text(option.label),
        "value": _name(option.value),
        "to": _name(option.to),
        "key": _name(option.key),
        "when": _source(option.when),
        "language": _name(option.language),
    }


def _screen(screen: Screen, *, pin: bool = False) -> Table:
    return {"nav": screen.nav, "guarded": screen.confirm or pin, "back": screen.back, "resume": screen.resume}


def _name(scalar: Scalar | None) -> str | None:
    return None if scalar is None else scalar.value


def _source(condition: Condition | None) -> str | None:
    return None if condition is None else condition.source.value
