"""The knobs: what goes wrong, for whom, how often. See docs/sandbox.md for the list.

A fault is asked for at one of three stages: when a request arrives, when a transaction ends, and when a
callback is posted. Its probability is drawn from the seed, the fault, the kind, the phone and how many
times that was drawn before, so a run repeats even if other phones' requests come in another order.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from services.sandbox import numbers
from services.sandbox.refusals import NAMED

KINDS = frozenset({
    "oauth", "stk", "stk_query", "b2c", "c2b_register", "c2b", "c2b_validation", "status", "balance",
    "reversal", "pull", "sms", "sms_report",
})  # fmt: skip
REQUEST = ("refuse", "hang", "reset")
CALLBACK = ("drop", "delay", "duplicate", "reorder", "text_code", "contradict")

# What each may be told, with its default; None must be given.
FIELDS: dict[str, dict[str, Any]] = {
    "refuse": {"error": None, "accepted": False},
    "hang": {"seconds": 60.0, "accepted": True},
    "reset": {"accepted": True},
    "forget_token": {},
    "result": {"code": None, "reason": ""},
    "queue_timeout": {"pays": True, "result": True},
    "status": {"says": "Authorized"},
    "slow": {"seconds": None},
    "drop": {},
    "delay": {"seconds": None},
    "duplicate": {"copies": 1, "seconds": 0.0},
    "reorder": {},
    "text_code": {},
    "contradict": {"code": 1, "when": "before"},
}
MOST_COPIES = 20


class FaultError(ValueError):
    """The fault asked for makes no sense."""


@dataclass(slots=True)
class Fault:
    """One knob, turned. times None: for ever."""

    number: int
    do: str
    on: str
    msisdn: str | None
    times: int | None
    probability: float
    fields: dict[str, Any] = field(default_factory=dict)
    used: int = 0

    def shown(self) -> dict[str, Any]:
        """For the control API: its fields beside the rest."""
        known = asdict(self)
        return {"id": known.pop("number"), **known.pop("fields"), **known}


class Faults:
    """All knobs, in the order they were turned."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._faults: dict[int, Fault] = {}
        self._number = 0
        self._drawn: Counter[tuple[int, str, str]] = Counter()

    def add(self, asked: Mapping[str, Any]) -> Fault:
        """Turn a knob. Raises FaultError, in a sentence."""
        rest = dict(asked)
        do, on = str(rest.pop("do", "")), str(rest.pop("on", "*"))
        if do not in FIELDS:
            raise FaultError(f"`do` is one of: {', '.join(FIELDS)}.")
        if on != "*" and on not in KINDS:
            raise FaultError(f"`on` is * or one of: {', '.join(sorted(KINDS))}.")
        times = _times(rest.pop("times", 1))
        probability = rest.pop("probability", 1.0)
        if not _number(probability) or not 0 <= probability <= 1:
            raise FaultError("`probability` is a number from 0 to 1.")
        msisdn = rest.pop("msisdn", None)
        if msisdn is not None and not isinstance(msisdn, str):
            raise FaultError('`msisdn` is text, as in "254712345678".')
        fields = _fields(do, rest)
        self._number += 1
        fault = Fault(self._number, do, on, msisdn, times, probability, fields)
        self._faults[fault.number] = fault
        return fault

    def all(self) -> list[Fault]:
        """Those still there, used up ones too."""
        return list(self._faults.values())

    def clear(self, number: int | None = None) -> bool:
        """Take one away, or all. False when there is no such one."""
        if number is None:
            self._faults.clear()
            return True
        return self._faults.pop(number, None) is not None

    def take(self, dos: tuple[str, ...], kind: str, msisdn: str = "") -> Fault | None:
        """The first of these faults that strikes now; it counts as used."""
        return next((fault for fault in self.all() if self._strikes(fault, dos, kind, msisdn)), None)

    def take_all(self, dos: tuple[str, ...], kind: str, msisdn: str = "") -> list[Fault]:
        """Every one of these faults that strikes now."""
        return [fault for fault in self.all() if self._strikes(fault, dos, kind, msisdn)]

    def _strikes(self, fault: Fault, dos: tuple[str, ...], kind: str, msisdn: str) -> bool:
        if fault.do not in dos or fault.on not in ("*", kind) or fault.msisdn not in (None, msisdn):
            return False
        if fault.times is not None and fault.used >= fault.times:
            return False
        if fault.probability < 1:
            key = (fault.number, kind, msisdn)
            self._drawn[key] += 1
            if numbers.chance(self._seed, *key, self._drawn[key]) >= fault.probability:
                return False
        fault.used += 1
        return True


def _times(given: Any) -> int | None:
    if given is not None and (type(given) is not int or given < 1):
        raise FaultError("`times` is a whole number of at least 1, or null for always.")
    return given


def _number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def _fields(do: str, given: dict[str, Any]) -> dict[str, Any]:
    """The fault's own fields, completed. A field it does not have is a slip of the caller."""
    known = FIELDS[do]
    if unknown := given.keys() - known.keys():
        raise FaultError(f"`{do}` has no `{sorted(unknown)[0]}`; it has: {', '.join(known) or 'nothing'}.")
    fields = {**known, **given}
    if missing := [name for name, value in fields.items() if value is None]:
        raise FaultError(f"`{do}` needs `{missing[0]}`.")
    if "seconds" in fields and (not _number(fields["seconds"]) or fields["seconds"] < 0):
        raise FaultError("`seconds` is a number of at least 0.")
    if do == "refuse" and fields["error"] not in NAMED:
        raise FaultError(f"`error` is one of: {', '.join(NAMED)}.")
    if do == "duplicate" and (type(fields["copies"]) is not int or not 1 <= fields["copies"] <= MOST_COPIES):
        raise FaultError(f"`copies` is a whole number from 1 to {MOST_COPIES}.")
    if do == "contradict" and fields["when"] not in ("before", "after"):
        raise FaultError("`when` is before or after.")
    if "code" in fields and not isinstance(fields["code"], int | str):
        raise FaultError("`code` is a number or text.")
    return fields
