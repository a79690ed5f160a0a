"""Reading a folder: service.yaml first, then the files it includes, and those they include."""

import posixpath
from collections.abc import Mapping

from ussd_engine.menu.findings import Position, Report, closest, shown
from ussd_engine.menu.model import Model, State
from ussd_engine.menu.reading.service import read_head, read_messages, read_variables, service_fields
from ussd_engine.menu.reading.shape import Fields, as_mapping, as_scalar, good_name
from ussd_engine.menu.reading.states import Reader
from ussd_engine.menu.source import Mapping as MappingNode
from ussd_engine.menu.source import Scalar, parse

SERVICE_FILE = "service.yaml"
MAX_STATES = 10_000
MAX_INCLUDES = 100
_TAKEN = ("subscriber", "item")


def read_folder(sources: Mapping[str, str], report: Report) -> Model | None:
    """The model of a folder's files (path in the folder → text); None without a readable service.yaml."""
    if SERVICE_FILE not in sources:
        report.error(
            Position(SERVICE_FILE, 1, 1),
            "missing-file",
            "There is no service.yaml in this folder.",
            "Every service has one: it names the codes, the languages and where to start.",
        )
        return None
    node, whole = parse(SERVICE_FILE, sources[SERVICE_FILE], report)
    if isinstance(node, MappingNode):
        return _read_service(node, _Folder(sources, report, whole), report)
    if whole:
        report.error(
            Position(SERVICE_FILE, 1, 1),
            "bad-value",
            "service.yaml must have keys and values.",
            "Start with: service: NAME",
        )
    return None


def _read_service(node: MappingNode, folder: "_Folder", report: Report) -> Model:
    fields = service_fields(node, report)
    head = read_head(fields, report)
    subscriber = read_variables(fields.node("subscriber"), "`subscriber`", report)
    variables = read_variables(fields.node("vars"), "`vars`", report, _TAKEN)
    folder.reader = Reader(head.languages, report)
    folder.states_of(fields)
    folder.includes_of(fields, (SERVICE_FILE,))
    return Model(
        service=head.service,
        at=head.at,
        codes=head.codes,
        languages=head.languages,
        start=head.start,
        home=head.home,
        timeout_s=head.timeout_s,
        resume=head.resume,
        resume_for_s=head.resume_for_s,
        screen=head.screen,
        keys=head.keys,
        subscriber=subscriber,
        variables=variables,
        messages=read_messages(fields.node("messages"), head.languages, head.at, report),
        states=folder.states,
        broken=frozenset(folder.broken),
        files=tuple(folder.files),
        complete=folder.whole,
    )


class _Folder:
    """The files read so far and the states found in them."""

    def __init__(self, sources: Mapping[str, str], report: Report, whole: bool) -> None:
        self.sources = sources
        self.report = report
        self.whole = whole
        self.reader = Reader((), report)
        self.files: dict[str, None] = {SERVICE_FILE: None}
        self.states: dict[str, State] = {}
        self.broken: set[str] = set()
        self._places: dict[str, Position] = {}

    def states_of(self, fields: Fields) -> None:
        """The states of one file."""
        node = fields.node("states")
        mapping = None if node is None else as_mapping(node, "`states`", self.report)
        for name, value in mapping or ():
            if name.value in self._places:
                place = self._places[name.value]
                self.report.error(
                    name.at,
                    "duplicate-state",
                    f"There is a state {shown(name.value)} already, in {place.file} on line {place.line}.",
                    "Give one of them another name.",
                )
                continue
            if len(self._places) >= MAX_STATES:
                self.report.error(
                    name.at,
                    "too-many",
                    f"There are more than {MAX_STATES} states.",
                    "Make two services of it.",
                )
                return
            self._places[name.value] = name.at
            named = good_name(name.value, name.at, "a state", self.report)
            state = self.reader.state(name, value) if named else None
            if state is None:
                self.broken.add(name.value)
            else:
                self.states[name.value] = state

    def includes_of(self, fields: Fields, chain: tuple[str, ...]) -> None:
        """The files one file includes. chain: the files that led here, to see a circle."""
        for node in fields.items("include"):
            name = as_scalar(node, "An entry of `include`", self.report)
            if name is None:
                self.whole = False
                continue
            path = posixpath.normpath(name.value)
            if path in chain:
                circle = " → ".join((*chain[chain.index(path) :], path))
                self.report.error(
                    name.at,
                    "include-cycle",
                    f"These files include each other: {circle}.",
                    "Delete this entry.",
                )
            elif path in self.files:
                self.report.error(
                    name.at, "duplicate", f"{shown(path)} is included already.", "Delete this entry."
                )
            elif path not in self.sources:
                self._missing(name, path)
            elif len(self.files) > MAX_INCLUDES:
                self.report.error(
                    name.at,
                    "too-many",
                    f"More than {MAX_INCLUDES} files are included.",
                    "Put several small files into one.",
                )
                return
            else:
                self._include(path, chain)

    def _missing(self, name: Scalar, path: str) -> None:
        self.whole = False
        known = [file.removesuffix(".yaml") for file in self.sources if file not in self.files]
        meant = closest(path.removesuffix(".yaml"), known)
        hint = "Paths are counted from the folder of service.yaml, and end in .yaml."
        self.report.error(
            name.at,
            "missing-file",
            f"There is no file {shown(name.value)} in this folder.",
            f"Did you mean {shown(f'{meant}.yaml')}?" if meant else hint,
        )

    def _include(self, path: str, chain: tuple[str, ...]) -> None:
        self.files[path] = None
        node, whole = parse(path, self.sources[path], self.report)
        self.whole = self.whole and whole
        if node is None or (isinstance(node, Scalar) and not node.value):
            if whole:
                hint = "Add `states:` to it, or take it out of `include:`."
                self.report.error(Position(path, 1, 1), "empty-file", "The file is empty.", hint)
            self.whole = False
            return
        mapping = as_mapping(node, "A menu file", self.report)
        if mapping is None:
            self.whole = False
            return
        fields = Fields(mapping, "An included file", ("states", "include"), self.report)
        self.states_of(fields)
        self.includes_of(fields, (*chain, path))
