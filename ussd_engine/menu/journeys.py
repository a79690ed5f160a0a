"""Play journeys on the menu machine itself, offline: no server, no database, no clock.

A journey (see journey_files) says what is dialled and pressed, what the actions answer, and what the
phone must show. The first step that shows something else fails its journey and is printed as a
difference. The report also counts which states, options and outcomes no journey ever reached.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from core_ext.dialog import END, NEED, Dialog, Result
from core_ext.program import Program, ProgramFault
from core_ext.template import money
from ussd_engine.actions import Registry
from ussd_engine.errors import MenuError
from ussd_engine.menu.expressions import compile_expression
from ussd_engine.menu.findings import Report, render
from ussd_engine.menu.journey_files import Answer, Journey, Step, read_journey, vocabulary
from ussd_engine.menu.opened import open_folder
from ussd_engine.numbers import msisdn_of
from ussd_engine.plugin import Service

FOLDER = "journeys"
COUNTRY = "KE"  # where a number typed without a country code is from
MAX_ACTIONS = 32  # a walk that asks for more in one turn is a loop


@dataclass(slots=True, frozen=True)
class Played:
    """One journey, played. failure: what went wrong, as printed; empty when all was as written."""

    journey: Journey
    steps: int
    failure: str


@dataclass(slots=True)
class Coverage:
    """What the journeys reached, of what there is."""

    states: set[str] = field(default_factory=set)
    screens: set[tuple[str, str]] = field(default_factory=set)  # (language, state that shows something)
    options: set[tuple[str, int]] = field(default_factory=set)  # (state, row)
    outcomes: set[tuple[str, str]] = field(default_factory=set)  # (state, outcome)

    @classmethod
    def of(cls, tables: Mapping[str, Any]) -> "Coverage":
        """Everything there is in compiled menus."""
        everything = cls()
        for state in tables["states"]:
            name = state["name"]
            everything.states.add(name)
            if state["kind"] in ("menu", "ask", "list", "end"):
                everything.screens |= {(language, name) for language in tables["languages"]}
            everything.options |= {(name, row) for row in range(len(state.get("options", ())))}
            everything.outcomes |= {(name, outcome) for outcome in state.get("on", ())}
        return everything


@dataclass(slots=True)
class JourneyReport:
    """What `ussd test` prints. problems: faults of the menus or of journey files, as printed."""

    problems: list[str] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    reached: Coverage = field(default_factory=Coverage)
    there: Coverage = field(default_factory=Coverage)

    @property
    def ok(self) -> bool:
        """Whether every journey was read and went as written."""
        return not self.problems and not any(played.failure for played in self.played)

    @property
    def unvisited(self) -> list[str]:
        """States no journey reached, sorted."""
        return sorted(self.there.states - self.reached.states)

    def render(self) -> str:
        """The whole report as text."""
        failures = [played.failure for played in self.played if played.failure]
        return "\n\n".join([*self.problems, *failures, "\n".join(self._summary(len(failures)))])

    def _summary(self, failed: int) -> list[str]:
        steps = sum(played.steps for played in self.played)
        lines = [
            f"{_count(len(self.played), 'journey')}, {_count(steps, 'step')}: {_verdict(failed, self.ok)}."
        ]
        if not self.there.states:
            return lines
        lines.append(
            f"Reached {_share(self.reached.states, self.there.states)} states, "
            f"{_share(self.reached.options, self.there.options)} options, "
            f"{_share(self.reached.outcomes, self.there.outcomes)} outcomes of actions."
        )
        for language in sorted({language for language, _ in self.there.screens}):
            there = {screen for screen in self.there.screens if screen[0] == language}
            lines.append(f"Screens in {language}: {_share(self.reached.screens & there, there)}.")
        if self.unvisited:
            lines.append(f"States no journey reaches: {', '.join(self.unvisited)}.")
        return lines


def run_folder(folder: Path, service: Service | None = None) -> JourneyReport:
    """Play every journey of a menu folder. service: whose actions the menus do; None: the installed one."""
    try:
        opened = open_folder(folder, service)
    except MenuError as error:
        return JourneyReport(problems=[str(error)])
    program = Program(opened.tables, compile_expression, _typed_phone)
    words = vocabulary(opened.model, opened.service.registry)
    result = JourneyReport(there=Coverage.of(opened.tables))
    for path in sorted((folder / FOLDER).glob("*.yaml")):
        file, findings = str(path), Report()
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        journey = read_journey(file, text, words, findings)
        result.problems += [render(finding, {file: text}) for finding in findings.in_order()]
        if journey is not None:
            player = _Player(program, opened.tables["resume"], words.registry, journey, result.reached)
            result.played.append(player.play())
    if not result.played and not result.problems:
        result.problems.append(f"{folder / FOLDER}: there are no journeys here. See docs/menu-language.md.")
    return result


def _typed_phone(raw: str) -> str | None:
    return msisdn_of(raw, COUNTRY)


class _Stopped(Exception):
    """The journey cannot go on; the message says why."""


class _Player:
    """One phone playing one journey."""

    def __init__(
        self, program: Program, resume: str, registry: Registry, journey: Journey, reached: Coverage
    ) -> None:
        self._program = program
        self._resume = resume
        self._registry = registry
        self._journey = journey
        self._reached = reached
        self._waiting = {action: list(answers) for action, answers in journey.answers.items()}
        self._profile: dict[str, Any] = dict(journey.subscriber)
        self._kept: dict[str, Any] | None = None  # the session, as Redis would hold it
        self._dialog = Dialog(None, self._profile, 0)

    def play(self) -> Played:
        """All steps, up to the first that fails."""
        for number, step in enumerate(self._journey.steps, 1):
            try:
                result = self._dial(step) if step.dials else self._press(step)
            except (_Stopped, ProgramFault) as stopped:
                return Played(self._journey, number, self._failure(step, [str(stopped)]))
            finally:
                self._take_trace()
            lines = _difference(step, result)
            if lines:
                return Played(self._journey, number, self._failure(step, lines))
        return Played(self._journey, len(self._journey.steps), self._leftovers())

    # -- turns ---------------------------------------------------------------------------------

    def _turn(self, kept: dict[str, Any] | None) -> Dialog:
        self._dialog = Dialog(kept, self._profile, 0)
        self._dialog.trace = []
        return self._dialog

    def _dial(self, step: Step) -> Result:
        dialog = self._turn(self._kept)
        if step.text or self._kept is None or self._resume == "start" or not self._program.unfinished(dialog):
            result = self._settle(self._program.begin(self._turn(None)))
        elif self._resume == "ask":
            result = self._program.offer(dialog)
        else:
            result = self._program.go_on(dialog)
        for text in step.text.split("*") if step.text else ():
            if result.kind == END or result.refused or self._program.guarded(self._dialog):
                break  # a shortcut never types into a PIN or a confirmation
            result = self._settle(self._program.step(self._dialog, text))
        return self._keep(result)

    def _press(self, step: Step) -> Result:
        if self._kept is None:
            raise _Stopped("The call is over, so nothing can be pressed. Start again with `dial`.")
        return self._keep(self._settle(self._program.step(self._turn(self._kept), step.text)))

    def _keep(self, result: Result) -> Result:
        self._kept = None if result.kind == END else orjson.loads(orjson.dumps(self._dialog.dump()))
        self._profile = self._dialog.subscriber
        return result

    def _settle(self, result: Result) -> Result:
        """Answer actions from the script until there is a screen."""
        for _ in range(MAX_ACTIONS):
            if result.kind != NEED:
                return result
            answers = self._waiting.get(result.action)
            if not answers:
                raise _Stopped(f"The menu does {result.action}, and the journey has no answer left for it.")
            answer = answers.pop(0)
            self._require_arguments(answer, result)
            self._reached.outcomes.add((self._dialog.doing, answer.outcome))
            profile = None if answer.subscriber is None else dict(answer.subscriber)
            result = self._program.resume(self._dialog, answer.outcome, answer.value, profile)
        raise _Stopped(f"The menu asks for more than {MAX_ACTIONS} actions without a screen.")

    def _require_arguments(self, answer: Answer, result: Result) -> None:
        action = self._registry.get(result.action)
        for name, expected in answer.expected.items():
            kind = action.arguments.get(name, "") if action else ""
            given = _spelled(result.arguments.get(name), kind)
            if given != (expected.replace(",", "") if kind == "money" else expected):
                raise _Stopped(f"{result.action} was called with {name} {given}, and not {expected}.")

    # -- what came of it -----------------------------------------------------------------------

    def _take_trace(self) -> None:
        dialog = self._dialog
        for state, row in dialog.trace or ():
            if row is None:
                self._reached.states.add(state)
            else:
                self._reached.options.add((state, row))
        self._reached.screens.add((dialog.language, dialog.state))

    def _failure(self, step: Step, lines: list[str]) -> str:
        what = "dialling" if step.dials else f"pressing {step.text!r}"
        place = f"{step.at.file}:{step.at.line}"
        return "\n".join(
            [f"{place}: {self._journey.title}: failed after {what}", *(f"    {line}" for line in lines)]
        )

    def _leftovers(self) -> str:
        """An answer nobody asked for means the journey is not the story it tells."""
        for action, answers in self._waiting.items():
            if answers:
                at = answers[0].at
                return (
                    f"{at.file}:{at.line}: {self._journey.title}: the menus never asked for this answer of "
                    f"{action}\n    Delete it, or add the steps that lead there."
                )
        return ""


def _spelled(value: Any, kind: str) -> str:
    """An argument as journeys write it: money in shillings."""
    if isinstance(value, bool):
        return str(value).lower()
    return money(value).replace(",", "") if kind == "money" and isinstance(value, int) else str(value)


def _difference(step: Step, result: Result) -> list[str]:
    """What is not as the step says; empty when all is."""
    screen = result.text.split("\n")
    shows = ["the phone shows:", *(f"  | {line}" for line in screen)]
    if step.screen is not None and step.screen != result.text:
        changes = difflib.ndiff(step.screen.split("\n"), screen)
        return ["- expected, + what the phone shows:", *(f"  {line}" for line in changes if line[0] != "?")]
    missing = [text for text in step.see if text not in result.text]
    if missing:
        return [*(f"expected to see: {text}" for text in missing), *shows]
    over = result.kind == END
    if over and not step.ends:
        return ["expected the call to go on, and it ended (say `ends: true` if it should)", *shows]
    if step.ends and not over:
        return ["expected the call to end, and it goes on", *shows]
    return []


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _share(some: set[Any], everything: set[Any]) -> str:
    return f"{len(some & everything)} of {len(everything)}"


def _verdict(failed: int, ok: bool) -> str:
    if ok:
        return "all went as written"
    return f"{failed} failed" if failed else "not all could be read"
