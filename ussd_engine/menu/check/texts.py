"""Texts: every slot names something that can be printed, with a filter that fits; characters that the
GSM 7-bit alphabet does not have are counted out.
"""

from collections.abc import Mapping

from core_ext.text import capacity, outside, to_gsm
from ussd_engine.menu.check.names import SUBSCRIBER, Names, Unknown, item_of, texts_of
from ussd_engine.menu.findings import Report, listed, shown
from ussd_engine.menu.model import Listing, Model, Slot, Text, VarType, Wording

LIMIT = "limit"
_WITH_LIMIT = ("too_small", "too_large")
FITS: Mapping[str, tuple[str, ...]] = {
    "money": ("money",),
    "date": ("date",),
    "integer": ("", "number", "percent"),
    "text": ("", "upper", "first"),
    "digits": ("", "upper", "first", "phone"),
    "phone": ("", "phone"),
}  # type of the variable → filters that may follow


def check_texts(model: Model, names: Names, report: Report) -> None:
    """Every text of every state, and the service's own engine sentences."""
    for state in model.states.values():
        extra = item_of(state, model) if isinstance(state, Listing) else {}
        for text, kind in texts_of(state):
            check_text(text, names, extra if kind == "item" else {}, model, report)
    for name, text in model.messages.items():
        limit = {LIMIT: VarType("any")} if name in _WITH_LIMIT else {}
        profile = {SUBSCRIBER: names.roots[SUBSCRIBER]}
        known = Names({**profile, **limit}, names.secrets)
        check_text(text, known, {}, model, report)


def check_text(text: Text, names: Names, extra: Mapping[str, VarType], model: Model, report: Report) -> None:
    """One text in all its languages."""
    for wording in text.languages.values():
        for slot in wording.slots:
            _check_slot(slot, wording, names, extra, report)
        _check_alphabet(wording, model, report)


def _check_slot(
    slot: Slot, wording: Wording, names: Names, extra: Mapping[str, VarType], report: Report
) -> None:
    at = wording.source.within(slot.offset)
    name = ".".join(slot.path)
    found = names.resolve(slot.path, extra)
    if isinstance(found, Unknown):
        report.error(at, found.code, found.message, found.hint)
        return
    if found.kind == "any":
        return
    if found.kind not in FITS:
        hint = (
            "Write two options or states, with `when`." if found.kind == "flag" else "Name one of its parts."
        )
        report.error(at, "not-printable", f"{shown(name)} is a {found.kind} and cannot be shown.", hint)
        return
    if slot.filter in FITS[found.kind]:
        return
    needed = FITS[found.kind]
    if not slot.filter:
        if "|" in wording.source.value[slot.offset :].split("}", 1)[0]:
            return  # an unknown filter, which has been reported
        report.error(
            at,
            "missing-filter",
            f"{shown(name)} is {found.kind} and needs a filter.",
            f"Write {{{name}|{needed[0]}}}.",
        )
        return
    known = [word for word in needed if word]
    report.error(
        at,
        "wrong-filter",
        f"The filter {shown(slot.filter)} does not fit {shown(name)}, which is {found.kind}.",
        f"It can have {listed(known)}.",
    )


def _check_alphabet(wording: Wording, model: Model, report: Report) -> None:
    for literal in (segment for segment in wording.segments if isinstance(segment, str)):
        strange = outside(to_gsm(literal))
        if not strange:
            continue
        offset = wording.source.value.find(strange[0])
        report.warning(
            wording.source.within(max(offset, 0)),
            "alphabet",
            f"The phone alphabet (GSM-7) does not have {listed(strange)}: the "
            f"screen then holds {capacity(model.screen, False)} characters instead of {model.screen}.",
            "Write it with plain letters.",
        )
        return


__all__ = ["FITS", "check_text", "check_texts"]
