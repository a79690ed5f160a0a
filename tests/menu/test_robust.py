"""Whatever is in the files, the check answers with findings; and what it passes, the machine can run."""

import re
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from core_ext.dialog import END, NEED, Dialog
from core_ext.program import Program
from tests.menu.example import GOOD, HEAD, Lender, check
from ussd_engine.menu import compile_expression, compile_model, render
from ussd_engine.menu.check.probing import sample
from ussd_engine.menu.findings import MAX_FINDINGS
from ussd_engine.menu.model import VarType

FILES = st.sampled_from(sorted(GOOD))
WORDS = sorted(set(re.findall(r"[A-Za-z_.]+|[{}\[\]|\"#*]", "".join(GOOD.values()))))


def proves_itself(sources):
    """The findings print, are inside their files, and only a clean folder compiles."""
    checked = check(sources)
    for finding in checked.findings:
        assert render(finding, sources)
        assert finding.message
        assert finding.line >= 1
        assert finding.column >= 1
    if checked.ok:
        assert checked.model is not None
        Program(compile_model(checked.model, Lender()), compile_expression, lambda text: text)
    return checked


@given(FILES, st.text(max_size=300))
@settings(max_examples=60)
def test_any_text_in_place_of_a_file_is_answered(file, text):
    proves_itself({**GOOD, file: text})


@st.composite
def mutated(draw):
    sources = dict(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        file = draw(FILES)
        lines = sources[file].split("\n")
        number = draw(st.integers(0, len(lines) - 1))
        change = draw(st.sampled_from(["delete", "double", "indent", "swap", "word", "cut"]))
        if change == "delete":
            del lines[number]
        elif change == "double":
            lines.insert(number, lines[number])
        elif change == "indent":
            lines[number] = " " * draw(st.integers(0, 6)) + lines[number].lstrip()
        elif change == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[number], lines[other] = lines[other], lines[number]
        elif change == "word":
            found = list(re.finditer(r"[A-Za-z_.]+|[{}\[\]|\"#*]", lines[number]))
            if found:
                word = draw(st.sampled_from(found))
                line = lines[number]
                lines[number] = line[: word.start()] + draw(st.sampled_from(WORDS)) + line[word.end() :]
        else:
            lines[number] = lines[number][: draw(st.integers(0, len(lines[number])))]
        sources[file] = "\n".join(lines) or " "
    return sources


@given(mutated())
@settings(max_examples=300, deadline=None)
def test_a_good_menu_with_changes_at_random_is_answered(sources):
    proves_itself(sources)


SUBSCRIBER = {"registered": True, "name": "Jane W", "language": "en"}
RETURNS = {
    "loans.quote": {"total": 500, "due": "2026-12-01", "apr": 1500},
    "loans.apply": {"ref": "A1"},
    "loans.history": [{"ref": "A1", "amount": 500}],
    "loans.count": 3,
}


@given(
    mutated(),
    st.lists(st.sampled_from(["0", "00", "1", "2", "3", "98", "1000", "4711", "", "x"]), max_size=12),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_a_menu_that_checks_never_faults_when_it_is_walked(sources, answers, data):
    checked = check(sources)
    if not checked.ok:
        return
    program = Program(compile_model(checked.model, Lender()), compile_expression, lambda text: text)
    profile = {name: sample(variable.type, 1) for name, variable in checked.model.subscriber.items()}
    dialog = Dialog(None, {**SUBSCRIBER, **profile}, 0)
    result = program.begin(dialog)
    for answer in answers:
        result = program.step(dialog, answer)
        while result.kind == NEED:
            outcome = data.draw(
                st.sampled_from([*Lender().registry.get(result.action).outcomes, "failed", "late"])
            )
            value = None if outcome in ("failed", "late") else RETURNS[result.action]
            result = program.resume(dialog, outcome, value, None)
        assert "None" not in result.text
        if result.kind == END:
            break


def test_a_sample_of_a_list_is_never_longer_than_it_may_be():
    assert [len(sample(VarType("list", 3, {"a": VarType("flag")}), step)) for step in (0, 1, 2)] == [0, 1, 3]


def test_a_thousand_faults_do_not_keep_the_check_busy():
    rows = "".join(
        f"  s{n}: {{menu: Hi, options: [{{en: A, to: zs{n}}}, {{en: B, to: zs{n}x}}]}}\n" for n in range(1000)
    )
    started = time.process_time()
    findings = check({"service.yaml": HEAD, "menu.yaml": "states:\n" + rows}).findings
    assert len(findings) == MAX_FINDINGS
    assert time.process_time() - started < 10
