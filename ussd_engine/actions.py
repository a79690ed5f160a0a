"""What a menu may `do`: async functions with typed signatures, in a registry.

A service registers its actions; `ussd check` reads their signatures, the engine calls them. An action
takes a `Call` and the keyword arguments it declares by annotation (`Money`, `Text`, `Digits`,
`Integer`, `Flag`, `Pin`, `Phone`, `Date`), and returns an `Outcome` named in `outcomes`. Every action
has one more outcome, `failed`, when it raises or runs out of time.

    @registry.action("loans.quote", outcomes=("ok", "too_much"), returns={"total": "money"})
    async def quote(call: Call, amount: Money, purpose: Text) -> Outcome: ...

An action that changes anything says `effect=True`. It then runs under the idempotency key
`call.key`, and must answer the same outcome when it is called again with the same key.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NewType, get_type_hints

Money = NewType("Money", int)  # cents
Integer = NewType("Integer", int)
Flag = NewType("Flag", bool)
Text = NewType("Text", str)
Digits = NewType("Digits", str)
Pin = NewType("Pin", str)  # never logged, never stored
Phone = NewType("Phone", str)  # E.164 digits, no plus
Date = NewType("Date", str)  # ISO 8601, YYYY-MM-DD

MENU_TYPES: Mapping[Any, str] = {
    Money: "money", Integer: "integer", Flag: "flag", Text: "text",
    Digits: "digits", Pin: "pin", Phone: "phone", Date: "date",
}  # fmt: skip

FAILED = "failed"
LATE = "late"  # ran out of time; a menu need not handle it


@dataclass(slots=True, frozen=True)
class Call:
    """Who asks, and under which key.

    key is `gateway:session_id:phone:position:action` and names this one effect for ever; phone is a keyed
    digest of the MSISDN, for a gateway may give one session id to two phones. bundle is the menu version
    the session is on, data what the service made of that version's own files (products, scorecard).
    deadline_s is what is left of the gateway's time. checkpoint (of an effect) is to be kept with its
    outcome, in the same transaction, and given back by `Service.effects`.
    """

    key: str
    msisdn: str
    language: str
    service: str
    gateway: str
    network: str
    bundle: str
    data: Any
    deadline_s: float
    subscriber: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Outcome:
    """What happened: the name that `on:` routes, the value that `save:` keeps.

    value is JSON-able: records are dicts, money is cents, dates are ISO text. subscriber holds changes
    to the subscriber's profile (`subscriber.…` in menus), kept with the session.
    """

    name: str = "ok"
    value: Any = None
    subscriber: Mapping[str, Any] | None = None


ActionFunction = Callable[..., Awaitable[Outcome]]


@dataclass(slots=True, frozen=True)
class Action:
    """A registered action and its signature.

    arguments maps names to menu types. returns describes Outcome.value: None (nothing), a menu type
    ("money"), a record ({"total": "money"}), or a list of records ([{"ref": "text"}]).
    """

    name: str
    function: ActionFunction
    arguments: Mapping[str, str]
    outcomes: tuple[str, ...]
    returns: Any
    effect: bool
    timeout_s: float


class Registry:
    """The actions of one service, by name."""

    def __init__(self) -> None:
        self._actions: dict[str, Action] = {}

    def action(
        self,
        name: str,
        *,
        outcomes: tuple[str, ...] = ("ok",),
        returns: Any = None,
        effect: bool = False,
        timeout_s: float = 5.0,
    ) -> Callable[[ActionFunction], ActionFunction]:
        """Register a function as `name`. Raises TypeError for a signature no menu could call."""

        def register(function: ActionFunction) -> ActionFunction:
            if name in self._actions:
                raise TypeError(f"action {name} is registered twice")
            self._actions[name] = Action(
                name, function, _arguments(name, function), outcomes, returns, effect, timeout_s
            )
            return function

        return register

    def get(self, name: str) -> Action | None:
        """The action, or None."""
        return self._actions.get(name)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._actions)


def _arguments(name: str, function: ActionFunction) -> dict[str, str]:
    hints = get_type_hints(function)
    arguments: dict[str, str] = {}
    for index, parameter in enumerate(inspect.signature(function).parameters.values()):
        if index == 0:
            continue  # the Call
        menu_type = MENU_TYPES.get(hints.get(parameter.name))
        if menu_type is None:
            raise TypeError(f"action {name}: argument {parameter.name} needs a menu type: Money, Text, …")
        arguments[parameter.name] = menu_type
    return arguments
