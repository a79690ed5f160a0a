"""The rules: which words people agree to, how often we write to them, what a credit bureau is told, how
long what we know of people is kept. Read from `rules.yaml` of a menu folder; `ussd check` finds its faults.

The law changes, so what it says is here and not in the code; docs/privacy.md says where each rule is from.
A folder without the file has the values below, and any version of the terms will do.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services import documents
from services.documents import Document, Menus
from services.loans.products import Days, Shillings, Times

FILE = "rules.yaml"
CONSENT = "borrowers.consent"

_COMPARED = re.compile(r"subscriber\.terms\s*[=!]=\s*[\"']([^\"']*)[\"']")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Consent(_Strict):
    """What people agree to."""

    version: str = Field(
        min_length=1, max_length=40, description="Of the terms. A new one is asked of everybody again."
    )
    screens: tuple[str, ...] = Field(
        min_length=1, description="The states whose words are the terms. A hash of them is kept."
    )
    offers: tuple[str, ...] = Field((), description="The states whose words ask for consent to offers.")


class Contact(_Strict):
    """How often we write to a borrower. The hours are `quiet` of sms.yaml."""

    reminders_a_day: Times = Field(1, ge=1, description="Reminders in a day, at most.")
    reminders_a_week: Times = Field(4, ge=1, description="Reminders in any seven days, at most.")
    statements_a_day: Times = Field(2, ge=1, description="Statements by SMS that one may ask for in a day.")
    limit_days: Days = Field(
        30, alias="limit", ge=1, description="Between two messages that the limit went up."
    )


class Bureau(_Strict):
    """What a credit reference bureau (CRB) is told."""

    states: tuple[Literal["non_performing", "written_off"], ...] = Field(
        ("non_performing", "written_off"), description="Loans that may be listed."
    )
    above_cents: Shillings = Field(
        100_000, alias="above", description="What owes this or less is not listed."
    )
    late_days: Days = Field(90, alias="late", ge=1, description="So long past due before a notice is given.")
    notice_days: Days = Field(30, alias="notice", ge=1, description="Between the notice and the listing.")
    tell_days: Days = Field(
        30, alias="tell", ge=1, description="The borrower is told within so long after the bureau was."
    )


class Keep(_Strict):
    """How long what we know of people is kept. What the books need stays, without saying who it was."""

    messages_days: Days = Field(365, alias="messages", ge=1, description="The words of SMS.")
    reports_days: Days = Field(90, alias="reports", ge=1, description="What the SMS gateway reported.")
    callbacks_days: Days = Field(90, alias="callbacks", ge=1, description="M-Pesa's callbacks, processed.")
    statements_days: Days = Field(365, alias="statements", ge=1, description="Sums of M-Pesa statements.")
    answers_days: Days = Field(30, alias="answers", ge=1, description="Answers to presses of a dialog.")
    outbox_days: Days = Field(30, alias="outbox", ge=1, description="Messages between our processes, done.")
    strangers_days: Days = Field(90, alias="strangers", ge=1, description="Who began to join and did not.")
    audit_days: Days = Field(
        2557, alias="audit", ge=730, description="What staff changed. At least two years."
    )
    borrowers_days: Days = Field(
        2557, alias="borrowers", ge=1, description="Who owes nothing, after their last loan ended."
    )


class Rules(_Strict):
    """All of them."""

    consent: Consent | None = None
    contact: Contact = Contact()
    bureau: Bureau = Field(Bureau(), alias="crb")
    keep: Keep = Keep()

    @property
    def terms(self) -> str:
        """The version of the terms that is asked for; empty: any will do."""
        return self.consent.version if self.consent else ""


class Written(Rules):
    """The rules as a file: consent is not left out."""

    consent: Consent


def read(text: str | None, menus: Menus) -> tuple[Rules | None, Document]:
    """The rules of a file, or None and a document with its faults. Without a file: the rules above."""
    if text is None:
        return Rules(), Document(FILE)
    document = documents.read(FILE, text)
    rules = documents.fitted(document, Written)
    if rules is not None:
        _compare(document, rules.consent, menus)
    return (None if document.problems else rules), document


def _compare(document: Document, consent: Consent, menus: Menus) -> None:
    """Note where the menus do not know a screen, or speak of another version."""
    for key, screens in (("screens", consent.screens), ("offers", consent.offers)):
        for index, name in enumerate(screens):
            if name not in menus.states:
                document.problem(("consent", key, index), f"there is no state {name}")
    for name, version in _versions(menus):
        if version != consent.version:
            document.problem(("consent", "version"), f"the menus say {version} in state {name}")


def _versions(menus: Menus) -> Iterator[tuple[str, str]]:
    """Each state that names a version of the terms, and that version."""
    for name, state in menus.states.items():
        arguments = state.get("with")
        if state.get("do") == CONSENT and isinstance(arguments, dict):
            yield name, str(arguments.get("version", "")).strip("\"'")
        for condition in _conditions(state):
            for version in _COMPARED.findall(condition):
                yield name, version


def _conditions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, held in value.items():
            if key == "when" and isinstance(held, str):
                yield held
            else:
                yield from _conditions(held)
    elif isinstance(value, list):
        for held in value:
            yield from _conditions(held)
