"""Random programs and answers: both builds walk the oracle's path, and every screen fits its handset.

Invariants, after each input:
1. Both builds give the same result: kind, text, action, arguments, and what is kept, byte for byte.
2. State, variables, language and path are the oracle's; so is a fault.
3. A page has no more septets than the screen; the pages together are the oracle's whole text.
4. No secret is in what is kept.
"""

import json
from typing import Any

import gsm0338
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from tests.core_ext.builds import Core
from tests.core_ext.machines import (
    ARGUMENTS,
    CONDITIONS,
    SECRET,
    SUBSCRIBERS,
    Expression,
    Press,
    often,
    outcomes,
    parse_phone,
    presses,
    programs,
)  # fmt: skip
from tests.oracle import Oracle, OracleFault

GSM = gsm0338.Codec()
FAULT = "fault"
REDIAL = st.sampled_from(["", "1", "2", "x1", "x2"])  # what is answered to the offer; "": it is not asked
INPUT = often(presses(), often(presses(), REDIAL))


class Phone:
    """One build walking one program. What a turn keeps goes through JSON before the next."""

    def __init__(self, core: Core, tables: dict[str, Any], subscriber: dict[str, Any], screen: int) -> None:
        self.module = core.program
        self.dialogs = core.dialog
        self.program = core.program.Program(tables, Expression, parse_phone)
        self.screen = screen
        self.dialog = core.dialog.Dialog(None, dict(subscriber), screen)
        self.dialog.trace = []

    def do(self, name: str, *arguments: Any) -> Any:
        """Call the program; its result as plain values."""
        try:
            result = getattr(self.program, name)(self.dialog, *arguments)
        except self.module.ProgramFault:
            return FAULT
        return (result.kind, result.text, result.refused, result.action, result.arguments, result.effect)

    def kept(self) -> str:
        return json.dumps(self.dialog.dump(), sort_keys=True)

    def next_turn(self) -> None:
        trace, subscriber = self.dialog.trace, self.dialog.subscriber
        self.dialog = self.dialogs.Dialog(json.loads(self.kept()), subscriber, self.screen)
        self.dialog.trace = trace

    def pages(self) -> list[str]:
        """All pages of the screen that is shown, from its first."""
        dialog = self.dialogs.Dialog(json.loads(self.kept()), self.dialog.subscriber, self.screen)
        dialog.page = 0
        found = [self.program.show(dialog).text]
        while True:
            dialog.page += 1
            text = self.program.show(dialog).text
            if dialog.page == 0:  # past the last page: show() begins again
                return found
            found.append(text)


def fits(text: str, screen: int) -> bool:
    """Whether a text fits, by gsm0338: so many septets, or as many whole octets of UCS-2."""
    try:
        return len(GSM.encode(text)[0]) <= screen
    except UnicodeEncodeError:
        return len(text.encode("utf-16-be")) <= -(-screen * 7 // 8)


def footer(oracle: Oracle, page: int, pages: int, labels: bool) -> str:
    """The last line of a page, as the menu language promises it."""
    last, back, home = page == pages - 1, oracle.can("back"), oracle.can("home")
    shown = {
        "more": not last,
        "back": (back or page > 0) and oracle.row["kind"] != "end",
        "home": home and (last or page == 0),
    }
    keys = oracle.tables["keys"]
    names = [name for name, here in shown.items() if here]
    return " ".join(f"{keys[name]}:{oracle.message(name)}" if labels else keys[name] for name in names)


def check_pages(pages: list[str], oracle: Oracle, screen: int, to_gsm: Any) -> None:
    """Invariant 3. On a small screen in UCS-2 the footers are the keys without their labels."""
    assert all(fits(page, screen) for page in pages)
    for labels in (True, False):
        ends = [footer(oracle, number, len(pages), labels) for number in range(len(pages))]
        ends = [f"\n{end}" if end else "" for end in ends]
        if all(page.endswith(end) for page, end in zip(pages, ends, strict=True)):
            break
    bodies = [page[: len(page) - len(end)] for page, end in zip(pages, ends, strict=True)]
    assert "".join("".join(bodies).split()) == "".join(to_gsm(oracle.text()).split())
    assert labels or screen < 80


class World:
    """Two builds and the oracle, driven alike."""

    def __init__(
        self, both: tuple[Core, Core], tables: dict[str, Any], subscriber: dict[str, Any], screen: int
    ):
        self.phones = [Phone(core, tables, subscriber, screen) for core in both]
        self.oracle = Oracle(tables, {**CONDITIONS, **ARGUMENTS}, dict(subscriber), parse_phone)
        self.screen = screen or tables["screen"]
        self.to_gsm = both[0].text.to_gsm
        self.over = self.more = self.offered = False

    def do(self, name: str, *arguments: Any) -> None:
        """One call of everything, and the invariants after it."""
        first, second = (phone.do(name, *arguments) for phone in self.phones)
        assert first == second
        foreseen: Any = None
        try:
            self._oracle(name, *arguments)
        except OracleFault:
            foreseen = FAULT
        if FAULT in (first, foreseen):
            assert first == foreseen
            self.over = True
            return
        self._agree(*first)

    def redial(self, answers: str) -> None:
        """The call drops and is dialled again: gone on with, or offered and answered."""
        unfinished = self.oracle.unfinished()
        assert [phone.program.unfinished(phone.dialog) for phone in self.phones] == [unfinished] * 2
        if not unfinished:
            return
        self.do("offer" if answers else "go_on")
        for answer in answers:
            if self.offered and not self.over:
                self.do("step", answer)

    def _oracle(self, name: str, *arguments: Any) -> None:
        oracle = self.oracle
        if name == "begin":
            oracle.begin()
        elif name == "resume":
            oracle.resume(*arguments)
        elif name in ("offer", "go_on"):
            oracle.settle()
            self.offered = name == "offer" and oracle.unfinished()
            if not oracle.trail or (name == "offer" and not self.offered):
                oracle.begin_again()
        elif not self.offered:
            oracle.press(arguments[0], self.more)
        elif arguments[0] in ("1", "2"):
            self.offered = False
            if arguments[0] == "2":
                oracle.begin_again()

    def _agree(self, kind: int, text: str, refused: bool, action: str, arguments: Any, effect: bool) -> None:
        phone, oracle = self.phones[0], self.oracle
        if self.offered:
            assert phone.dialog.state == phone.module.OFFER
            assert fits(text, self.screen)
            return
        assert phone.dialog.vars == oracle.vars
        assert phone.dialog.language == oracle.language
        assert phone.dialog.subscriber == oracle.subscriber
        assert SECRET not in phone.kept()
        assert phone.kept() == self.phones[1].kept()
        passed = [state for state, option in phone.dialog.trace if option is None]
        assert passed == oracle.path
        assert (kind == phone.module.NEED) == (oracle.need is not None)
        if oracle.need is not None:
            assert (action, arguments, effect) == oracle.need
            return
        if oracle.over:
            assert kind == phone.module.END
            self.over = True
            return
        assert (phone.dialog.state, phone.dialog.page, refused) == (oracle.state, oracle.page, oracle.refused)
        pages = phone.pages()
        assert text == pages[oracle.page]
        check_pages(pages, oracle, self.screen, self.to_gsm)
        self.more = oracle.page + 1 < len(pages)
        self.over = oracle.row["kind"] == "end" and not self.more
        assert (kind == phone.module.END) == self.over
        if len(pages) > 1:
            event("a screen of several pages")
        for phone in self.phones:
            phone.next_turn()


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
@given(
    tables=programs(),
    subscriber=SUBSCRIBERS,
    screen=st.sampled_from([0, 0, 40, 90]),
    inputs=st.lists(INPUT, min_size=8, max_size=24),
    answers=st.lists(outcomes(), min_size=1, max_size=5),
)
def test_both_builds_walk_the_path_the_oracle_foresees(
    both: tuple[Core, Core],
    tables: dict[str, Any],
    subscriber: dict[str, Any],
    screen: int,
    inputs: list[Press | str],
    answers: list[tuple[int, dict[str, Any], Any]],
) -> None:
    world = World(both, tables, subscriber, screen)
    world.do("begin")
    called = 0
    for press in inputs:
        while world.oracle.need is not None and not world.over:
            number, values, changes = answers[called % len(answers)]
            called += 1
            if called > 20:
                return
            row = world.oracle.row
            names = [*row["on"], "late", "unheard_of"] if number == 5 else list(row["on"])
            world.do("resume", names[number % len(names)], values.get(row["save"]), changes)
        if world.over:
            break
        if isinstance(press, str):
            world.redial(press)
        else:
            world.do("step", press(world.oracle))
    event(f"ended in {world.oracle.rows[world.oracle.state]['kind']}")
