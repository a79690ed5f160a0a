"""A small service that uses every part of the language and checks clean, and the way tests mark where a
finding must be: `¦` stands right before the character it points at.
"""
# ruff: noqa: E501  (tables of cases, one a line)

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ussd_engine.actions import Call, Integer, Money, Outcome, Pin, Registry, Text
from ussd_engine.menu import Checked, Finding, check_sources
from ussd_engine.plugin import FileProblem, PlainService

registry = Registry()


@registry.action(
    "loans.quote",
    outcomes=("ok", "too_much"),
    returns={"total": "money", "due": "date", "apr": "integer"},
)
async def quote(call: Call, amount: Money, purpose: Text) -> Outcome:
    return Outcome()


@registry.action("loans.apply", outcomes=("ok", "wrong_pin"), returns={"ref": "text"}, effect=True)
async def apply(call: Call, total: Money, pin: Pin) -> Outcome:
    return Outcome()


@registry.action("loans.history", outcomes=("ok", "none"), returns=[{"ref": "text", "amount": "money"}])
async def history(call: Call) -> Outcome:
    return Outcome()


@registry.action("loans.count", returns="integer")
async def count(call: Call, least: Integer) -> Outcome:
    return Outcome()


@dataclass
class Lender(PlainService):
    """A service with actions, and one file of its own."""

    registry: Registry = field(default_factory=lambda: registry)

    def load(self, sources: Mapping[str, str]) -> tuple[Any, list[FileProblem]]:
        text = sources.get("products.yaml")
        if text == "broken":
            return None, [FileProblem("products.yaml", 1, 3, "The fee is missing.", "Add `fee:`.")]
        return text, []


SERVICE = """\
service: small
codes: ["*384*7#"]
languages: [en, sw]
start: route
home: main
session: {timeout: 90s, resume: continue, resume_for: 10m}
screen: 160
keys: {back: "0", home: "00", more: "98"}
include: [loans.yaml]
subscriber:
  registered: flag
  name: {type: text, max: 20}
vars:
  amount: {type: money, max: 50000}
  purpose: {type: text, max: 12}
  quote: {type: record, fields: {total: {type: money, max: 60000}, due: date, apr: {type: integer, max: 99999}}}
  loan: {type: record, fields: {ref: {type: text, max: 8}}}
  loans: {type: list, max: 3, of: {ref: {type: text, max: 8}, amount: {type: money, max: 50000}}}
  picked: {type: record, fields: {ref: {type: text, max: 8}}}
messages:
  invalid_choice: {en: "Choose a number.", sw: "Chagua namba."}
states:
  route:
    choose:
      - {when: subscriber.registered, to: main}
      - {to: stranger}
  stranger:
    end: {en: "Please visit us to join.", sw: "Tafadhali tutembelee ujiunge."}
"""
LOANS = """\
states:
  main:
    menu: {en: "Hello {subscriber.name|first}", sw: "Habari {subscriber.name|first}"}
    options:
      - {en: Borrow, sw: Kopa, to: amount, key: "1"}
      - {en: My loans, sw: Mikopo yangu, to: find_loans}
      - {en: Kiswahili, sw: English, to: main, language: sw}
  amount:
    ask: {en: "How much?", sw: "Kiasi gani?"}
    as: money
    save: amount
    check:
      - {when: amount < 50000, say: {en: "The least is KES 500.", sw: "Angalau KES 500."}}
    to: purpose
  purpose:
    menu: {en: "What for? KES {amount|money}", sw: "Ya nini? KES {amount|money}"}
    save: purpose
    options:
      - {en: Emergency, sw: Dharura, value: emergency, to: price}
      - {en: Business, sw: Biashara, value: business, to: price, when: subscriber.registered}
  price:
    do: loans.quote
    with: {amount: amount, purpose: purpose}
    save: quote
    on:
      ok: offer
      too_much: {to: amount, say: {en: "That is too much.", sw: "Hicho ni kingi."}}
      failed: sorry
      late: sorry
  offer:
    menu:
      en: "Pay KES {quote.total|money} by {quote.due|date}, {quote.apr|percent} a year"
      sw: "Lipa KES {quote.total|money} kabla ya {quote.due|date}, {quote.apr|percent} kwa mwaka"
    confirm: true
    options:
      - {en: I agree, sw: Nakubali, to: pin}
  pin:
    ask: {en: "Your PIN", sw: "PIN yako"}
    as: pin
    length: 4
    save: pin
    back: false
    to: apply
  apply:
    do: loans.apply
    with: {total: quote.total, pin: pin}
    save: loan
    on: {ok: done, wrong_pin: pin, failed: sorry}
  done:
    end: {en: "Sent. Ref {loan.ref}", sw: "Imetumwa. Namba {loan.ref}"}
  find_loans:
    do: loans.history
    save: loans
    on: {ok: loans, none: sorry, failed: sorry}
  loans:
    list: {en: "Your loans", sw: "Mikopo yako"}
    of: loans
    item: "{item.ref} KES {item.amount|money}"
    save: picked
    to: one_loan
    empty: sorry
    nav: home
  one_loan:
    end: {en: "Loan {picked.ref}", sw: "Mkopo {picked.ref}"}
  sorry:
    end: {en: "Sorry, please try later.", sw: "Samahani, jaribu baadaye."}
"""
GOOD = {"service.yaml": SERVICE, "loans.yaml": LOANS}

HEAD = """\
service: small
codes: ["*384*7#"]
languages: [en]
start: start
include: [menu.yaml]
subscriber: {registered: flag, name: {type: text, max: 20}}
vars:
"""
VARS = """\
  amount: {type: money, max: 50000}
  text: {type: text, max: 12}
  count: {type: integer, max: 850}
  code: {type: digits, max: 6}
  day: date
  number: phone
  yes: flag
  record: {type: record, fields: {total: {type: money, max: 60000}, due: date}}
  items: {type: list, max: 5, of: {ref: {type: text, max: 8}, amount: {type: money, max: 50000}}}
"""
MARK = "¦"


def check(sources: Mapping[str, str]) -> Checked:
    return check_sources(sources, Lender())


def found_in(states: str) -> tuple[list[Finding], str]:
    """Findings of a file of states beside a head that declares variables, and the marked place."""
    text, place = unmarked("menu.yaml", "states:\n" + states)
    checked = check({"service.yaml": HEAD + VARS, "menu.yaml": text})
    return [finding for finding in checked.findings if finding.code != "unused"], place


def found_in_service(text: str) -> tuple[list[Finding], str]:
    """Findings of a service.yaml that ends in `end`, a state, and the marked place."""
    text, place = unmarked("service.yaml", text)
    return check({"service.yaml": text + "\nstates:\n  start: {end: Bye}\n"}).findings, place


def unmarked(file: str, text: str) -> tuple[str, str]:
    before, mark, after = text.partition(MARK)
    assert mark, "the test does not mark a place"
    line = before.count("\n") + 1
    return before + after, f"{file}:{line}:{len(before) - before.rfind(chr(10))}"


def only(findings: list[Finding], place: str) -> tuple[str, str]:
    """Message and hint of the one finding there is, which must be at the place."""
    assert [f"{finding.file}:{finding.line}:{finding.column}" for finding in findings] == [place], findings
    return findings[0].message, findings[0].hint
