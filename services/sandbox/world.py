"""All that the sandbox knows, made from its journal's entries and nothing else.

`World.apply` is the one place where it changes: live, an entry is written first and then applied; after
a restart the same entries are applied again. So what was answered for is known after any crash.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.sandbox import wallets
from services.sandbox.records import DONE, Callback, Message, Payment, Phone, Urls
from services.sandbox.wallets import Move, Wallets


@dataclass(slots=True)
class World:
    """Wallets, transactions, callbacks, phones and messages."""

    wallets: Wallets = field(default_factory=Wallets)
    payments: dict[int, Payment] = field(default_factory=dict)
    callbacks: dict[int, Callback] = field(default_factory=dict)
    phones: dict[str, Phone] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    urls: dict[str, Urls] = field(default_factory=dict)
    pulling: set[str] = field(default_factory=set)  # shortcodes registered for pull transactions
    opted_out: set[str] = field(default_factory=set)
    wrong_credentials: int = 0  # in a row
    sms_cents: int = 0  # what messages have cost
    numbers: Counter[str] = field(default_factory=Counter)  # the last one given out, by what it counts
    by_originator: dict[str, int] = field(default_factory=dict)
    by_conversation: dict[str, int] = field(default_factory=dict)
    by_receipt: dict[str, int] = field(default_factory=dict)
    by_msisdn: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def apply(self, entry: Mapping[str, Any]) -> None:
        """Take in one entry. Raises NotEnoughError before anything of it is taken in."""
        if move := entry.get("move"):
            self.wallets.apply(_move(move))
        if payment := entry.get("payment"):
            self._keep(Payment(**payment))
        for callback in entry.get("callbacks", ()):
            self.callbacks[callback["number"]] = Callback(**callback)
            self._counted("callback", callback["number"])
        for message in entry.get("messages", ()):
            self.sms_cents += message["cost_cents"] if message["number"] not in self.messages else 0
            self.messages[message["number"]] = Message(**message)
            self._counted("message", message["number"])
        if phone := entry.get("phone"):
            self.phones[phone["msisdn"]] = Phone(**phone)
        if urls := entry.get("urls"):
            self.urls[urls["shortcode"]] = Urls(**urls)
        self.pulling.update(entry.get("pulling", ()))
        self.opted_out.update(entry.get("opted_out", ()))
        self.wrong_credentials = entry.get("wrong_credentials", self.wrong_credentials)

    def next(self, counted: str) -> int:
        """A number not given out before."""
        self.numbers[counted] += 1
        return self.numbers[counted]

    def payment_of(self, *, originator: str = "", receipt: str = "") -> Payment | None:
        """The transaction with that originator's (or conversation) id, or that receipt."""
        number = self.by_receipt.get(receipt) if receipt else None
        if number is None and originator:
            number = self.by_originator.get(originator, self.by_conversation.get(originator))
        return None if number is None else self.payments[number]

    def of_phone(self, msisdn: str) -> Iterable[Payment]:
        """The phone's transactions, newest first."""
        return (self.payments[number] for number in reversed(self.by_msisdn[msisdn]))

    def open_prompt(self, msisdn: str) -> Payment | None:
        """The STK prompt the phone has not answered yet."""
        return next((p for p in self.of_phone(msisdn) if p.kind == "stk" and p.state != DONE), None)

    def organisation_cents(self) -> dict[str, int]:
        """What the organisation's accounts hold."""
        return {account: self.wallets.balance(account) for account in wallets.ORGANISATION}

    def _keep(self, payment: Payment) -> None:
        if payment.number not in self.payments:
            self.by_msisdn[payment.msisdn].append(payment.number)
        self.payments[payment.number] = payment
        self.by_originator[payment.originator_id] = payment.number
        self.by_conversation[payment.conversation_id] = payment.number
        self.by_receipt[payment.receipt] = payment.number
        self._counted("payment", payment.number)

    def _counted(self, counted: str, number: int) -> None:
        self.numbers[counted] = max(self.numbers[counted], number)


def entry_of(parts: Mapping[str, Any]) -> dict[str, Any]:
    """An entry for the journal: the parts that there are, as `World.apply` names them."""
    return {name: _written(value) for name, value in parts.items() if value is not None and value != []}


def _written(value: Any) -> Any:
    if isinstance(value, list):
        return [_written(held) for held in value]
    if isinstance(value, int | str):
        return value
    return {slot: getattr(value, slot) for slot in value.__slots__}  # asdict would copy all that is in it


def _move(written: Mapping[str, Any]) -> Move:
    legs = tuple((str(account), int(cents)) for account, cents in written["legs"])
    return Move(written["receipt"], written["reason"], written["at"], legs)
