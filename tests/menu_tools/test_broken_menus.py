"""The Umoja menus broken by one slip each: what is said is one finding, at the slip, with what to do."""

from pathlib import Path

import pytest

from services.app import service
from ussd_engine.menu import check_sources, read_sources

SOURCES = read_sources(Path(__file__).parents[2] / "menus" / "umoja")

SLIPS = [
    # file, what was written, what is written now, text at the place, what is said, what to do
    ("main", "to: find_limit}", "to: find_limits}", "find_limits", "no state `find_limits`", "`find_limit`"),
    ("main", "to: find_limit}", "to: find_limit", "{key", "A bracket is not closed", "Close the bracket"),
    ("main", "en: Repay,", "en: Repay, now,", "now", "has no `now`", "comma inside { } needs quotes"),
    ("main", "en: Repay,", "en: Repay: now,", ": now", "has a `,` or `:`", "quotes around each text"),
    ("main", '"Umoja Loans\\nHello', '"Umoja "Loans\\nHello', "Loans\\nHello", "second quote", "other kind"),
    ("main", "en: Repay,", "en: Rep\udce9y,", "\udce9", "not saved as UTF-8", "encoding UTF-8"),
    ("apply", "    ask:", "    aks:", "aks", "`aks` is not a word", "`ask`"),
    ("main", " sw: Lipa mkopo,", "", "{key", "no Swahili (sw) text", 'Add sw: "…"'),
    ("main", "    menu:", "\tmenu:", "\tmenu", "There is a tab here", "two spaces"),
    ("main", 'key: "2"', 'key: "1"', '"1"', "key `1` is already that of the option on line 12", "another"),
    ("register", "PIN once more.", "PIN once moreţ", "ţ", "does not have `ţ`", "plain letters"),
    ("repay", "    as: money", "   as: money", "as: money", "does not fit the lines above", "indentation"),
    ("repay", 'key: "2"', 'key: "0"', '"0"', "key `0` is the back key", "another key"),
    ("repay", "{ok: which_status, none: no_loan,", "{ok: which_status,", "find_status", "`none`", "none:"),
    ("repay", "do: loans.status", "do: loan.status", "loan.status", "no action `loan.st", "`loans.status`"),
    ("apply", "{limit.min|money} to", "{limit.min} to", "{limit.min}", "needs a filter", "|money"),
    ("apply", "{limit.min|money} to", "{limit.min|mony} to", "{limit.min|", "no filter `mony`", "`money`"),
    ("apply", "{quote.fee|money} +", "{qoute.fee|money} +", "{qoute", "no variable `qoute`", "`quote`"),
    ("apply", "amount > limit.max", "amount = limit.max", "= limit", "`=` is not known", "`==`"),
    ("apply", "amount > limit.max", "amount > = limit.max", "= limit", "has a space inside", "`>=`"),
    ("apply", "total: quote.total, pin", "pin", "loans.apply", "needs `total`", "under `with:`"),
    ("apply", "Wrong PIN. Tries", "Wrong PIN {pin}. Tries", "{pin}", "`pin` is a secret", "right after"),
    ("register", "pin: pin_again}", "pin: pin}", "pin}", "`pin` is gone here", "right after the ask"),
    ("register", "length: 2..40", "length: 2-40", "2-40", "cannot be `2-40`", "1..20"),
    ("service", '["*384*89598#"]', "[*384*89598#]", "*384", "needs quotes", '"*384*89598#"'),
    ("service", "start: entry", "start: entri", "entri", "no state `entri`", "`entry`"),
    ("service", "amount: {type: money", "amount: {type: mony", "mony", "cannot be `mony`", "`money`"),
    ("service", "account.yaml]", "other.yaml]", "other", "no file `other.yaml`", "end in .yaml"),
    ("service", "main.yaml, apply", "mane.yaml, apply", "mane", "no file `mane.yaml`", "`main.yaml`"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "written", "now", "place", "said", "hint"),
    SLIPS,
    ids=[slip[4] for slip in SLIPS],
)
def test_a_slip_is_one_finding_where_it_is(
    file: str, written: str, now: str, place: str, said: str, hint: str
) -> None:
    name = f"{file}.yaml"
    before, found, after = SOURCES[name].partition(written)
    assert found, "the test no longer fits the menus"
    text = before + now + after
    at = (before + now).rfind(place) if place in now else before.rfind(place)
    line = text.count("\n", 0, at) + 1
    checked = check_sources({**SOURCES, name: text}, service)
    assert [(finding.file, finding.line) for finding in checked.findings] == [(name, line)], checked.findings
    (finding,) = checked.findings
    assert finding.column == at - text.rfind("\n", 0, at)
    assert said in finding.message
    assert hint in finding.hint


def test_an_empty_file_is_one_finding_and_not_one_for_each_state_it_had() -> None:
    (finding,) = check_sources({**SOURCES, "main.yaml": "# later\n"}, service).findings
    assert (finding.file, finding.message) == ("main.yaml", "The file is empty.")
    assert finding.hint == "Add `states:` to it, or take it out of `include:`."
