"""Whole dialogs through the real engine, with the lane and its plain turns and through aiohttp alone: every
byte of every answer is equal.

Each server has an engine and a Redis of its own, so both are told the very same: numbers, session ids, texts.
"""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import databases
from tests.server.conftest import Desk, Desks, open_desk
from tests.server.wire import Line, cut_at, form, post
from ussd_engine.embedded import Servers

# What is pressed, how the screen begins, and whether it is a plain turn in the lane.
DIALOG = [
    ("9", "CON Please choose", True),
    ("", "CON Please choose", True),
    ("1", "CON Your name?", True),
    ("Zoe", "CON Hello Zoe\n", True),
    ("0", "CON Your name?", True),
    ("a*b**", "CON Hello a*b**\n", True),
    ("00", "CON Desk\n", True),
    ("4", "CON Dawati 💸\n", True),
    ("3", "CON Mengi yametokea", True),
    ("98", "CON ", True),
    ("0", "CON Mengi yametokea", True),
    ("0", "CON Dawati 💸\n", True),
    ("2", "CON Kiasi gani?", True),
    ("901", "CON Nyingi mno.", True),
    ("500", "CON Lipa 600?", False),  # an action
    ("2", "CON Dawati 💸\n", True),
    ("1", "CON Jina lako?", True),
    ("Zoë 💸", "CON Habari Zoë 💸\n", False),  # nor is what is not ASCII, nor anything behind it
    ("2", "END Kwaheri", False),
]
# A stranger joins the lender of the shipped menus and borrows, with mistakes and ways back; and whether each
# press is a plain turn. The others ask or change something in PostgreSQL.
BORROWING = [
    *[("", 0), ("7", 1), ("2", 1), ("0", 1), ("1", 1), ("2", 1), ("0", 1), ("1", 0), ("W4njiru", 1)],
    *[("Wanjiru Kamau", 1), ("0123456", 1), ("23456781", 1), ("48", 1), ("4827", 0), ("4827", 0)],
    *[("1", 0), ("1000000", 1), ("1000", 1), ("2", 0), ("2", 0), ("0", 1), ("00", 1)],
    *[("1", 0), ("1000", 1), ("2", 0), ("1", 1), ("4827", 0)],
]
EVENTS = "/api/v1/ussd/events"
_numbers = itertools.count(1)


@dataclass
class Caller:
    """One phone with a line to each server."""

    desks: Desks
    fast: Line
    slow: Line
    phone: str = field(default_factory=lambda: f"+2547{next(_numbers):08}")
    dials: int = 0
    texts: list[str] = field(default_factory=list)

    async def dial(self, text: str = "", cuts: tuple[int, ...] = ()) -> str:
        """A new session."""
        self.dials += 1
        self.texts = []
        return await self.send(text, cuts)

    async def press(self, typed: str, cuts: tuple[int, ...] = ()) -> str:
        """The next answer, behind all before it."""
        before = self.texts[-1]
        return await self.send(f"{before}*{typed}" if before else typed, cuts)

    async def send(self, text: str, cuts: tuple[int, ...] = ()) -> str:
        """The screen that both show for this text, whatever was sent before."""
        self.texts.append(text)
        return await self.ask(post(self._form(text)), cuts)

    async def over(self, cuts: tuple[int, ...] = ()) -> None:
        """The gateway says that the call has ended."""
        await self.ask(post(self._form(self.texts[-1]) + b"&status=Success&hopsCount=2", path=EVENTS), cuts)

    async def ask(self, request: bytes, cuts: tuple[int, ...] = ()) -> str:
        pieces = cut_at(request, cuts)
        fast, slow = await self.fast.ask(pieces), await self.slow.ask(pieces)
        assert fast == slow
        assert fast.startswith(b"HTTP/1.1 200 OK\r\n")
        return fast.partition(b"\r\n\r\n")[2].decode()

    def _form(self, text: str) -> bytes:
        return form(text, session=f"ATUid_{self.phone}_{self.dials}", phone=self.phone)


@asynccontextmanager
async def calling(desks: Desks) -> AsyncIterator[Caller]:
    caller = Caller(desks, await Line.open(desks.fast.port), await Line.open(desks.slow.port))
    yield caller
    await caller.fast.close()
    await caller.slow.close()


async def test_a_dialog_is_answered_alike_and_in_the_lane_by_plain_turns(desks: Desks) -> None:
    async with calling(desks) as caller:
        assert (await caller.dial()).startswith("CON Desk\n")
        assert (desks.fast.plain, desks.fast.asked) == (1, 0)
        for typed, screen, plain in DIALOG:
            before = desks.fast.plain
            said = await caller.press(typed)
            assert said.startswith(screen)
            assert desks.fast.plain - before == plain, typed
            assert await caller.send(caller.texts[-1]) == said, "the same request again gets the same answer"
            assert desks.fast.plain - before == plain, "which is the engine's"
        before = desks.fast.plain
        assert (await caller.dial()).startswith("CON Desk\n")
        assert desks.fast.plain == before, "there is a session of another dial"
        assert (await caller.press("5")).startswith("END Bye")
        assert desks.fast.plain == before + 1
    assert desks.slow.plain == 0


CUTS = st.lists(st.integers(1, 300), max_size=3).map(tuple)
TYPED = st.sampled_from(
    [
        "1",
        "2",
        "3",
        "4",
        "5",
        "9",
        "0",
        "00",
        "98",
        "500",
        "901",
        "",
        " ",
        "*",
        "a*b",
        "Amina",
        "Zoë 💸",
        "[]^",
    ]
) | st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12)
MOVES = st.one_of(
    st.tuples(st.just("press"), TYPED),
    st.tuples(st.just("press"), TYPED),
    st.tuples(st.just("press"), TYPED),
    st.tuples(st.just("again"), st.integers(0, 3)),
    st.tuples(st.just("dial"), st.sampled_from(["", "", "1*Zoe", "2*500*1", "3*98"])),
    st.tuples(st.just("over"), st.just("")),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(MOVES, CUTS), max_size=14))
async def test_any_dialog_in_any_pieces_is_answered_alike(
    desks: Desks, moves: list[tuple[tuple[str, str | int], tuple[int, ...]]]
) -> None:
    before = desks.fast.plain
    async with calling(desks) as caller:
        await caller.dial()
        for (move, what), cuts in moves:
            if move == "again":
                await caller.send(caller.texts[-1 - int(what) % len(caller.texts)], cuts)
            elif move == "over":
                await caller.over(cuts)
            else:
                await getattr(caller, move)(what, cuts)
    assert desks.fast.plain > before


async def test_the_shipped_menus_of_the_lender_are_answered_alike(
    servers: Servers, migrated_template: str, repository: Path
) -> None:
    """One server after the other, each with a new database: the lender is one in a process."""
    said: list[list[bytes]] = []
    for lane in (True, False):
        with databases.copy(servers, migrated_template) as url:
            desk = await open_desk(servers, repository / "menus", lane=lane, database_url=url)
            try:
                said.append(await borrowing(desk, lane=lane))
            finally:
                await desk.close()
    assert said[0] == said[1]
    assert b"END Done! KES 1,000 is coming to your M-Pesa." in said[0][-1]


async def borrowing(desk: Desk, *, lane: bool) -> list[bytes]:
    """What is said to each press; it is sent twice, and the second answer is the first one."""
    line = await Line.open(desk.port)
    typed: list[str] = []
    said = []
    for press, plain in BORROWING:
        before = desk.plain
        typed += [press] if press else []
        said.append(await line.ask([post(form("*".join(typed)))]))
        assert desk.plain - before == (plain if lane else 0), press
        assert await line.ask([post(form("*".join(typed)))]) == said[-1]
    await line.close()
    return said
