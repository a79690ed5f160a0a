"""The sandbox itself: what the APIs work with. Everything that happens goes through `record`."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx

from services.clock import now as real_now
from services.sandbox import credential, numbers, wallets
from services.sandbox.agenda import Agenda, Clock, Job
from services.sandbox.faults import CALLBACK, Faults
from services.sandbox.journal import Journal
from services.sandbox.records import DONE, OPEN, Call, Callback, Code, Payment, Phone
from services.sandbox.settings import Behaviour, SandboxSettings
from services.sandbox.wallets import Legs, Move
from services.sandbox.world import World, entry_of

KEPT_CALLS = 10_000
DELIVERY_TIMEOUT_S = 10.0
REORDER_GAP_S = 0.2  # so that the other one has surely arrived
DROPPED = "dropped"
DELIVERED = "delivered"
GIVEN_UP = "given up"

Body = dict[str, Any]
NAMES = (
    "ASHA", "WANJIRU", "OTIENO", "KIPROTICH", "MUTUA", "NJERI", "HASSAN", "ACHIENG", "BARASA", "CHEBET",
)  # fmt: skip


@dataclass(slots=True)
class Sandbox:
    """State, time, faults and settings of one sandbox."""

    settings: SandboxSettings
    keys: credential.Keys
    journal: Journal
    clock: Clock
    agenda: Agenda
    faults: Faults
    world: World = field(default_factory=World)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))
    token: str = ""
    token_expires: datetime | None = None
    prompts: dict[int, Job] = field(default_factory=dict)  # the expiry of each open STK prompt
    held: list[Callback] = field(default_factory=list)  # waiting for another callback to go first
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    client: httpx.AsyncClient | None = None
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def behaviour(self) -> Behaviour:
        """What may change while it runs."""
        return self.settings.behaviour

    def now(self) -> datetime:
        """The sandbox's time."""
        return self.clock.now()

    def record(self, **parts: Any) -> None:
        """Write what happened, then let it have happened. Callbacks among it are scheduled."""
        entry = entry_of(parts)
        move: Move | None = parts.get("move")
        if move is not None and (short := self.short_of(move.legs)):
            raise wallets.NotEnoughError(short)  # before it is written
        self.journal.append(entry)
        self.world.apply(entry)
        for callback in parts.get("callbacks", ()):
            self.schedule(callback)

    def short_of(self, legs: Legs) -> str:
        """The account that does not cover its leg, or nothing."""
        return next((name for name, cents in legs if cents < 0 and not self._covers(name, -cents)), "")

    def _covers(self, account: str, cents: int) -> bool:
        return self.world.wallets.covers(account, cents)

    def open_books(self) -> None:
        """The organisation's first money, once in a journal's life."""
        if self.world.wallets.moves:
            return
        for account, cents in (
            (wallets.UTILITY, self.settings.utility_cents),
            (wallets.WORKING, self.settings.working_cents),
        ):
            if cents:
                self.record(move=self.move("OPENING", "Opening balance", wallets.OUTSIDE, account, cents))

    def move(self, receipt: str, reason: str, payer: str, payee: str, cents: int) -> Move:
        """A move of now."""
        return Move(receipt, reason, self.now().isoformat(), wallets.between(payer, payee, cents))

    def phone(self, msisdn: str) -> Phone:
        """The subscriber; one not heard of before gets a name and the opening balance."""
        if msisdn not in self.world.phones:
            pick = int(numbers.digest(self.settings.seed, msisdn)[:8], 16)
            name = f"{NAMES[pick % len(NAMES)]} {NAMES[pick // len(NAMES) % len(NAMES)]}"
            cents = self.behaviour.opening_cents
            first = self.move("OPENING", "Opening balance", wallets.OUTSIDE, msisdn, cents) if cents else None
            self.record(phone=Phone(msisdn, name), move=first)
        return self.world.phones[msisdn]

    def new_payment(self, kind: str, msisdn: str, cents: int, shortcode: str, **more: Any) -> Payment:
        """A transaction that is accepted now, with its numbers. It is not recorded yet."""
        number, at, seed = self.world.next("payment"), self.now(), self.settings.seed
        checkout = kind == "stk"
        ids = {
            "originator_id": numbers.request_id(number, seed),
            "conversation_id": numbers.checkout_id(number, at)
            if checkout
            else numbers.conversation_id(number, seed, at),
        }
        return Payment(
            number=number,
            kind=kind,
            msisdn=msisdn,
            cents=cents,
            shortcode=shortcode,
            receipt=numbers.receipt(number, seed, at),
            created_at=at.isoformat(),
            **{**ids, **more},
        )

    def ended(self, payment: Payment, code: Code, **more: Any) -> Payment:
        """The transaction, done with that code."""
        return replace(payment, state=DONE, code=code, finished_at=self.now().isoformat(), **more)

    def planned(self, kind: str, msisdn: str) -> Code | None:
        """How a fault makes the transaction end, if one does."""
        fault = self.faults.take(("result",), kind, msisdn)
        return None if fault is None else fault.fields["code"]

    def failing(self, kind: str, msisdn: str) -> Code | None:
        """The same, for a transaction that moves money: a fault cannot make one succeed."""
        code = self.planned(kind, msisdn)
        return None if str(code) == "0" else code

    def work_s(self, kind: str, msisdn: str) -> float:
        """How long until the transaction is carried out."""
        fault = self.faults.take(("slow",), kind, msisdn)
        return self.behaviour.work_s + (fault.fields["seconds"] if fault else 0)

    def callbacks(
        self,
        kind: str,
        msisdn: str,
        url: str,
        body: Body,
        *,
        form: bool = False,
        after_s: float | None = None,
        failing: Callable[[Code], Body] | None = None,
    ) -> list[Callback]:
        """What is posted for one event: usually one callback; the faults make it none, or several.

        failing makes the body of a false failure, for a contradiction.
        """
        due = self.now() + timedelta(seconds=self.behaviour.callback_s if after_s is None else after_s)
        planned = [self._callback(kind, msisdn, url, body, due, form=form)]
        for fault in self.faults.take_all(CALLBACK, kind, msisdn):
            seconds = timedelta(seconds=fault.fields.get("seconds", 0))
            match fault.do:
                case "drop":
                    return [replace(planned[0], fault=DROPPED, outcome=DROPPED)]
                case "delay":
                    planned = [_later(callback, seconds, "delayed") for callback in planned]
                case "duplicate":
                    again = [
                        _later(self._again(planned[0]), seconds * (n + 1), "duplicate")
                        for n in range(fault.fields["copies"])
                    ]
                    planned += again
                case "reorder":
                    planned = [replace(callback, fault="reordered") for callback in planned]
                case "text_code":
                    planned = [replace(callback, body=_with_text_code(callback.body)) for callback in planned]
                case "contradict" if failing is not None:
                    false = replace(
                        self._again(planned[0]), body=failing(fault.fields["code"]), fault="false"
                    )
                    gap = timedelta(seconds=REORDER_GAP_S)
                    if fault.fields["when"] == "before":
                        planned = [false, *(_later(callback, gap, callback.fault) for callback in planned)]
                    else:
                        planned.append(_later(false, gap, false.fault))
        return planned

    def _callback(
        self, kind: str, msisdn: str, url: str, body: Body, due: datetime, *, form: bool
    ) -> Callback:
        return Callback(self.world.next("callback"), kind, msisdn, url, body, due.isoformat(), form)

    def _again(self, callback: Callback) -> Callback:
        return replace(callback, number=self.world.next("callback"))

    def schedule(self, callback: Callback) -> None:
        """Put a recorded callback on the agenda, unless it is over or waits for another one."""
        if callback.outcome:
            return
        if callback.fault == "reordered":
            self.held.append(callback)
            return
        due = numbers.parsed(callback.due)
        self.agenda.at(due, partial(self._deliver, callback))
        self._let_go(due + timedelta(seconds=REORDER_GAP_S))

    def _let_go(self, due: datetime) -> None:
        held, self.held = self.held, []
        for callback in held:
            self.agenda.at(due, partial(self._deliver, callback))

    async def _deliver(self, callback: Callback) -> None:
        outcome, _ = await self.post(callback)
        self.record(callbacks=[replace(callback, outcome=outcome)])
        self.outcomes[DELIVERED if outcome == DELIVERED else GIVEN_UP] += 1

    async def post(self, callback: Callback, timeout_s: float = DELIVERY_TIMEOUT_S) -> tuple[str, Any]:
        """Post it once. M-Pesa does not try again. Returns the outcome and what was answered, if JSON."""
        assert self.client is not None, "the sandbox is not serving"
        content = {"data": callback.body} if callback.form else {"json": callback.body}
        try:
            answer = await self.client.post(callback.url, timeout=timeout_s, **content)  # type: ignore[arg-type]
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{GIVEN_UP}: {type(error).__name__}", None
        if not answer.is_success:
            return f"{GIVEN_UP}: HTTP {answer.status_code}", None
        try:
            return DELIVERED, answer.json()
        except ValueError:
            return DELIVERED, None

    async def settle(self, timeout_s: float = 10.0) -> dict[str, Any]:
        """Do all that is scheduled, then what was held back. Prompts nobody answered stay."""
        before = self.outcomes.copy()
        settled = await self.agenda.settle(timeout_s)
        while settled and self.held:
            self._let_go(self.now())
            settled = await self.agenda.settle(timeout_s)
        return {"settled": settled, **self._counts_since(before)}

    async def advance(self, seconds: float, timeout_s: float = 10.0) -> dict[str, Any]:
        """Let time pass, and what is due by then happen."""
        before = self.outcomes.copy()
        return {"settled": await self.agenda.advance(seconds, timeout_s), **self._counts_since(before)}

    def _counts_since(self, before: Counter[str]) -> dict[str, int]:
        return {
            "delivered": self.outcomes[DELIVERED] - before[DELIVERED],
            "given_up": self.outcomes[GIVEN_UP] - before[GIVEN_UP],
            "prompts": len(self.open_prompts()),
        }

    def open_prompts(self) -> list[Payment]:
        """STK prompts shown on a phone now."""
        payments = self.world.payments
        return [payments[number] for number in self.prompts if payments[number].state == OPEN]


def _later(callback: Callback, by: timedelta, fault: str) -> Callback:
    return replace(callback, due=(numbers.parsed(callback.due) + by).isoformat(), fault=fault)


def _with_text_code(body: Body) -> Body:
    """The same body, its ResultCode as text."""
    changed = {name: _with_text_code(held) if isinstance(held, dict) else held for name, held in body.items()}
    if "ResultCode" in changed:
        changed["ResultCode"] = str(changed["ResultCode"])
    return changed


def make(
    settings: SandboxSettings,
    keys: credential.Keys,
    journal: Journal,
    now: Callable[[], datetime] = real_now,
) -> Sandbox:
    """A sandbox that remembers what its journal says."""
    clock = Clock(now)
    agenda = Agenda(clock, paused=settings.behaviour.paused)
    box = Sandbox(settings, keys, journal, clock, agenda, Faults(settings.seed))
    for entry in journal.entries():
        box.world.apply(entry)
    box.open_books()
    return box
