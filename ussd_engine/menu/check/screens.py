"""The longest possible screen of each state, in each language: does it fit, page, or neither?

The machine itself lays it out: the state is compiled alone, every slot replaced by the longest text its
type can print, every option visible, with a way back; then the program is asked to show it.
"""

from collections.abc import Iterable
from typing import Any

from core_ext.dialog import END, Dialog
from core_ext.program import Program
from core_ext.template import FILTERS
from core_ext.text import fits, size
from ussd_engine.actions import Registry
from ussd_engine.menu.check.graph import Graph
from ussd_engine.menu.check.names import Names, Unknown, item_of
from ussd_engine.menu.compile import Table, compile_messages, compile_state
from ussd_engine.menu.expressions import compile_expression
from ussd_engine.menu.findings import Report, shown
from ussd_engine.menu.model import Choose, Do, End, Listing, Menu, Model, Option, State, VarType
from ussd_engine.menu.reading.texts import language_name

_MOST_PAGES = 60


def check_screens(model: Model, names: Names, graph: Graph, registry: Registry, report: Report) -> None:
    """Every state that shows something."""
    if not model.languages:
        return
    messages = compile_messages(model)
    rows = {
        state.name: _longest(state, model, names, registry)
        for state in model.states.values()
        if not isinstance(state, Do | Choose)
    }
    tables = {
        "service": model.service, "languages": list(model.languages), "start": "", "home": "", "vars": {},
        "screen": model.screen, "states": list(rows.values()),
        "messages": {name: _static(texts, names, {}, model) for name, texts in messages.items()},
        "keys": {"back": model.keys.back, "home": model.keys.home, "more": model.keys.more},
    }  # fmt: skip
    program = Program(tables, compile_expression, _no_phone)
    for name, row in rows.items():
        state = model.states[name]
        assert not isinstance(state, Do | Choose)
        for language in state.text.languages:
            _check_screen(state, program, language, model, name in graph.with_history, report)
            _check_rows(state, row, language, model, report)


def _no_phone(_text: str) -> None:
    return None


def _longest(state: State, model: Model, names: Names, registry: Registry) -> Table:
    """The state's row with the longest texts, all its options and a list as long as it can be."""
    row = compile_state(state, model, registry)
    item = item_of(state, model) if isinstance(state, Listing) else {}
    row["text"] = _static(row["text"], names, {}, model)
    row["check"], row["invalid"] = [], None
    row["as"] = "text"
    for option in row.get("options", ()):
        option["label"] = _static(option["label"], names, {}, model)
        option["when"] = None
    if "item" in row:
        row["item"] = _static(row["item"], names, item, model)
    return row


def _static(texts: Table, names: Names, extra: dict[str, VarType], model: Model) -> Table:
    """The longest text in every language; where there is none, which is reported, an empty one."""
    return {language: [_widest(texts.get(language, ()), names, extra)] for language in model.languages}


def _widest(segments: Iterable[Any], names: Names, extra: dict[str, VarType]) -> str:
    pieces = []
    for segment in segments:
        if isinstance(segment, str):
            pieces.append(segment)
            continue
        path, word = segment
        found = names.resolve(tuple(path), extra)
        if not isinstance(found, Unknown):
            pieces.append(longest_value(found, word))
    return "".join(pieces)


def longest_value(declared: VarType, word: str) -> str:
    """The longest text a value of this type prints with this filter."""
    most = declared.max or 1
    length = most if declared.kind in ("text", "digits") else 0  # else most may be cents: millions
    values: dict[str, list[Any]] = {
        "money": [most, most - 1],  # 50,000 is shorter than 49,999.99
        "integer": [most, most - most % 100 - 1],  # 200% is shorter than 199.99%
        "text": ["M" * length],
        "digits": ["9" * length],
        "phone": ["2547123456789"],
        "date": ["2026-12-31"],
    }
    printed = []
    for value in values.get(declared.kind, [""]):
        try:
            printed.append(FILTERS[word](value))
        except (TypeError, ValueError):
            printed.append(str(value))
    return max(printed, key=len)


def _check_screen(
    state: State, program: Program, language: str, model: Model, history: bool, report: Report
) -> None:
    assert not isinstance(state, Do | Choose)
    items = _items(state, model)
    kept = {
        "state": state.name,
        "language": language,
        "history": [state.name] if history else [],
        "vars": items,
    }
    dialog = Dialog(kept, {}, 0)
    at = state.text.languages[language].source.at
    result = program.show(dialog)
    pages = _count(program, dialog)
    where = f"At its longest this {language_name(language)} screen"
    if isinstance(state, End) and result.kind != END:
        report.error(
            at,
            "too-long",
            f"{where} does not fit one page of {model.screen} characters: it takes {pages}, and the "
            "last words of a dialog must be read at once.",
            "Shorten the text.",
        )
    elif pages > 1 and not isinstance(state, Listing):  # a list is made for pages
        report.warning(
            at,
            "pages",
            f"{where} takes {pages} pages of {model.screen} characters.",
            "Shorten it if people should see it at once; nothing is lost if not.",
        )


def _items(state: State, model: Model) -> dict[str, Any]:
    if not isinstance(state, Listing) or state.of is None:
        return {}
    variable = model.variables.get(state.of.value)
    most = variable.type.max if variable and variable.type.kind == "list" else 1
    return {state.of.value: [{"": ""}] * (most or 1)}


def _count(program: Program, dialog: Dialog) -> int:
    """Pages of the screen that is shown; a page that is not there shows the first again."""
    for page in range(1, _MOST_PAGES):
        dialog.page = page
        program.show(dialog)
        if dialog.page != page:
            return page
    return _MOST_PAGES


def _check_rows(state: State, row: Table, language: str, model: Model, report: Report) -> None:
    """One option or item must fit a page, beside the line that leads on."""
    if not isinstance(state, Menu | Listing):
        return
    rows: list[tuple[Any, Option | None]] = list(zip(row["options"], state.options, strict=True))
    labels = [(option["label"].get(language), written) for option, written in rows]
    if isinstance(state, Listing):
        labels.append((row["item"].get(language), None))
    for segments, written in labels:
        text = f"99. {segments[0]}"
        if fits(text, model.screen):
            continue
        if written is not None and language in written.label.languages:
            at = written.label.languages[language].source.at
        else:
            at = state.at
        report.error(
            at,
            "too-long",
            f"One row of {shown(state.name)} takes {size(text)[0]} characters, and a screen "
            f"holds {model.screen}.",
            "Shorten it.",
        )
