"""`ussd check`: everything that can be proved about a menu folder before anyone dials.

Each file of this package proves one kind of thing and reports every fault it finds:

    graph       targets, states nothing leads to, dead ends, loops without an answer
    flow        a variable has a value on every way to where it is used; secrets; unused variables
    conditions  names, types, and that an expression can be evaluated
    texts       slots, filters, the alphabet
    answers     keys, and what menus, asks and lists save
    actions     arguments, outcomes and what is saved of an action
    screens     the longest possible screen

Before them `reading` has reported what is wrong with the shape of the files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ussd_engine.menu.check.actions import check_actions
from ussd_engine.menu.check.answers import check_answers
from ussd_engine.menu.check.conditions import check_conditions
from ussd_engine.menu.check.echoes import without_echoes
from ussd_engine.menu.check.flow import check_flow, check_unused
from ussd_engine.menu.check.graph import build_graph, check_graph
from ussd_engine.menu.check.names import names_of
from ussd_engine.menu.check.screens import check_screens
from ussd_engine.menu.check.texts import check_texts
from ussd_engine.menu.findings import Finding, Position, Report
from ussd_engine.menu.model import Model
from ussd_engine.menu.reading import read_folder
from ussd_engine.menu.source import MAX_FILE
from ussd_engine.plugin import Service, service_named

JOURNEYS = "journeys"
MAX_FILES = 200


@dataclass(slots=True, frozen=True)
class Checked:
    """What a check came to. model is None when service.yaml cannot be read; data is what the service
    made of its own files."""

    model: Model | None
    findings: list[Finding]
    sources: Mapping[str, str]
    data: Any = None

    @property
    def ok(self) -> bool:
        """Whether it can be published: no errors; warnings may be there."""
        return self.model is not None and all(finding.severity != "error" for finding in self.findings)


def read_sources(folder: Path) -> dict[str, str]:
    """Every .yaml file of a folder but the journeys: path in the folder → text.

    Links that lead out of the folder are left out. Bytes that are not UTF-8 stay in as lone surrogates
    and become a finding.
    """
    root = folder.resolve()
    sources: dict[str, str] = {}
    for file in sorted(folder.rglob("*.yaml")):
        path = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in path.parts)
        if (
            path.parts[0] == JOURNEYS
            or hidden
            or not file.resolve().is_relative_to(root)
            or not file.is_file()
        ):
            continue
        with file.open("rb") as opened:
            content = opened.read(4 * MAX_FILE + 4)
        sources[path.as_posix()] = content.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        if len(sources) == MAX_FILES:
            break
    return sources


def check_folder(folder: Path, service: Service | None = None) -> Checked:
    """Check a menu folder. service: whose actions and files it uses; None: the installed one."""
    return check_sources(read_sources(folder), service)


def check_sources(sources: Mapping[str, str], service: Service | None = None) -> Checked:
    """Check the files of a menu folder (path in the folder → text). Finds all faults; never raises."""
    report = Report()
    model = read_folder(sources, report)
    if model is None:
        return Checked(None, report.in_order(), sources)
    service = service or service_named(model.service)
    registry = service.registry
    names = names_of(model)
    graph = build_graph(model, registry, report)
    check_graph(graph, model, report)
    check_texts(model, names, report)
    check_conditions(model, names, report)
    check_answers(model, names, report)
    check_actions(model, names, registry, report)
    check_flow(model, graph, names, report)
    if graph.whole:
        check_unused(model, report)
    check_screens(model, names, graph, registry, report)
    data, problems = service.load(sources)
    for problem in problems:
        at = Position(problem.file, problem.line, problem.column)
        report.error(at, "service-file", problem.message, problem.hint)
    return Checked(model, without_echoes(report.in_order()), sources, data)
