"""What the phone must show: the menus walked here as well, beside the server.

The menu folder is compiled and walked by core_ext.program, without a server; what its actions answer is
worked out by `lender`. So every screen is known to the last letter, for every press a phone can make,
and nothing is compared by a part of it. Only a loan's reference is the server's to choose: it is taken
from the screen that first shows it, must look like one, and must be the same ever after. And its paybill is
a setting of the server's, which must look like one.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson

from core_ext.dialog import END, NEED, Dialog, Result
from core_ext.program import OFFER, Program
from loadtests.lender import UNKNOWN_PAYBILL, UNKNOWN_REF, Account, Lender
from services import clock
from services.borrowers.people import STRANGER
from services.loans import refs
from services.loans.terms import Terms
from ussd_engine.bundle import build
from ussd_engine.menu.check import read_sources

_REF = f"U[{refs.ALPHABET}]{{{refs.LETTERS}}}"
_PAYBILL = "[0-9]{5,7}"
_MOST_ACTIONS = 8  # one press leads to
_CLOCKS_APART_S = 5.0  # the server counts from a moment of its own
_MIDNIGHT = timedelta(minutes=2)  # a server's clock may be off by that much


class WrongAnswer(Exception):
    """The server answered something else than it must. kind is short, the same for the same kind of fault."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(slots=True, frozen=True)
class Service:
    """The menus of a folder, as the oracle walks them."""

    program: Program
    terms: Terms
    code: str
    resume: str
    resume_for_s: int

    @classmethod
    def of(cls, folder: Path) -> "Service":
        """Check and compile a folder. Raises MenuError with what is wrong in it."""
        bundle = build(read_sources(folder))
        return cls(bundle.program, bundle.data, bundle.codes[0], bundle.resume, bundle.resume_for_s)

    @property
    def states(self) -> list[str]:
        """The names of all states."""
        return self.program.states


@dataclass(slots=True, frozen=True)
class Screen:
    """One answer that would be right, and where the phone is with it. kept is the dialog as JSON; None:
    the call is over."""

    body: str
    state: str
    refused: bool
    guarded: bool
    over: bool
    kept: bytes = field(repr=False)
    profile: dict[str, Any] = field(repr=False)
    account: Account = field(repr=False)

    def matched(self, body: str) -> "Screen | None":
        """This screen with what could not be known filled in from the answer; None: another answer."""
        if self.body == body:
            return self
        pattern = re.escape(self.body).replace(re.escape(UNKNOWN_PAYBILL), _PAYBILL)
        before, unknown, after = pattern.partition(re.escape(UNKNOWN_REF))
        found = re.fullmatch(f"{before}({_REF}){after}" if unknown else pattern, body)
        if found is None:
            return None
        if not unknown:
            return self
        kept = self.kept.replace(UNKNOWN_REF.encode(), found[1].encode())
        account = self.account.named(found[1])
        return Screen(body, self.state, self.refused, self.guarded, self.over, kept, self.profile, account)


class Phone:
    """One phone and its owner's account. `dial` or `press`, then `take` what the server answered."""

    def __init__(self, service: Service, now: Callable[[], float] = time.time) -> None:
        """now: seconds since the epoch."""
        self._service = service
        self._now = now
        self._profile: dict[str, Any] = dict(STRANGER)
        self._kept: bytes | None = None
        self._seen = 0.0
        self._expected: list[Screen] = []
        self.account = Account()
        self.on: Screen | None = None  # what the phone shows; None before the first answer

    def dial(self, inputs: str = "") -> None:
        """A new call. inputs: what follows the code in a dialled shortcut, joined by *."""
        self._expected = [
            screen
            for today in self._days()
            for result, dialog in self._begun(inputs)
            for screen in self._fed(result, dialog, inputs, Lender(self._service.terms, today), self.account)
        ]

    def press(self, text: str) -> None:
        """One answer to the screen that is shown."""
        dialog = self._dialog(self._kept)
        result = self._service.program.step(dialog, text)
        lenders = [Lender(self._service.terms, today) for today in self._days()]
        self._expected = [
            screen for lender in lenders for screen in self._settled(result, dialog, lender, self.account)
        ]

    def take(self, body: str) -> Screen:
        """The screen that the server's answer is. Raises WrongAnswer, which shows both, when it is none."""
        for screen in self._expected:
            found = screen.matched(body)
            if found is not None:
                self._profile, self.account, self.on = found.profile, found.account, found
                self._kept = None if found.over else found.kept
                self._seen = self._now()
                return found
        wanted = self._expected[0]
        raise WrongAnswer(
            f"not the screen {wanted.state!r}", _difference([s.body for s in self._expected], body)
        )

    # -- working it out ------------------------------------------------------------------------

    def _days(self) -> list[date]:
        """Today in Nairobi; at midnight the server may be a day behind or ahead."""
        now = clock.now()
        days = [clock.nairobi_date(now + late) for late in (timedelta(), -_MIDNIGHT, _MIDNIGHT)]
        return list(dict.fromkeys(days))

    def _dialog(self, kept: bytes | None) -> Dialog:
        return Dialog(orjson.loads(kept) if kept else None, dict(self._profile), 0)

    def _begun(self, inputs: str) -> Iterator[tuple[Result, Dialog]]:
        """The first screen of a call: an offer to go on, or the menus' first; about the time limit of the
        offer, either."""
        program, old, resume = self._service.program, self._dialog(self._kept), self._service.resume
        late_s = self._now() - self._seen - self._service.resume_for_s
        known = not inputs and self._kept and resume != "start" and program.unfinished(old)
        if known and late_s < _CLOCKS_APART_S:
            yield (program.offer if resume == "ask" else program.go_on)(old), old
        if not known or late_s > -_CLOCKS_APART_S:
            dialog = self._dialog(None)
            yield program.begin(dialog), dialog

    def _fed(
        self, result: Result, dialog: Dialog, inputs: str, lender: Lender, account: Account
    ) -> Iterator[Screen]:
        """A shortcut's inputs, one after the other; never into a PIN, nor past a wrong answer."""
        screens = list(self._settled(result, dialog, lender, account))
        for text in inputs.split("*") if inputs else ():
            screens = [after for before in screens for after in self._next(before, text, lender)]
        yield from screens

    def _next(self, screen: Screen, text: str, lender: Lender) -> Iterator[Screen]:
        if screen.over or screen.refused or screen.guarded:
            yield screen
            return
        dialog = Dialog(orjson.loads(screen.kept), dict(screen.profile), 0)
        result = self._service.program.step(dialog, text)
        yield from self._settled(result, dialog, lender, screen.account)

    def _settled(
        self, result: Result, dialog: Dialog, lender: Lender, account: Account, depth: int = 0
    ) -> Iterator[Screen]:
        """Every screen that may come of this, by every future of the account."""
        if result.kind != NEED:
            yield self._screen(result, dialog, account)
            return
        assert depth < _MOST_ACTIONS, result.action
        program = self._service.program
        today = Lender(lender.terms, lender.today, dialog.language)
        kept, profile, doing = orjson.dumps(dialog.dump()), dialog.subscriber, dialog.doing
        for future in account.futures(lender.today):
            answered = today.answer(future, result.action, result.arguments)
            if answered is None:
                raise WrongAnswer("a new action", f"loadtests/lender.py does not know {result.action} yet.")
            answer, after = answered
            branch = Dialog(orjson.loads(kept), dict(profile), 0)
            branch.doing = doing
            gone_on = program.resume(branch, answer.outcome, answer.value, answer.subscriber)
            yield from self._settled(gone_on, branch, lender, after, depth + 1)

    def _screen(self, result: Result, dialog: Dialog, account: Account) -> Screen:
        over = result.kind == END
        return Screen(
            f"{'END' if over else 'CON'} {result.text}",
            dialog.state,
            result.refused,
            self._service.program.guarded(dialog),
            over,
            orjson.dumps(dialog.dump()),
            dialog.subscriber,
            account,
        )

    # -- what a person sees --------------------------------------------------------------------

    @property
    def offered(self) -> bool:
        """Whether the phone shows the offer to go on with an unfinished call."""
        return self.on is not None and self.on.state == OFFER

    def value(self, name: str) -> Any:
        """A variable of the dialog, such as `limit`; None when it has none of that name."""
        return orjson.loads(self._kept).get("vars", {}).get(name) if self._kept else None


def _difference(right: list[str], body: str) -> str:
    """The answer, and what it had to be. Screens hold no PIN: nothing that was typed is shown."""
    lines = ["The phone must show" + (" one of" if len(set(right)) > 1 else "")]
    for number, text in enumerate(dict.fromkeys(right)):
        lines += ["or" for _ in range(min(number, 1))] + [f"    | {line}" for line in text.split("\n")]
    return "\n".join([*lines, "and the server answered", *(f"    | {line}" for line in body.split("\n"))])
