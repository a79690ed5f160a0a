import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest

from loadtests.bench.machine import Cores
from loadtests.bench.walker import Gateway, Talk, Wrong, quoted, walking

ANYWHERE = Cores(0, 0, 0, apart=False)


@dataclass
class Server:
    """Answers with what it was asked for, in pieces; to `lie`, with something else."""

    port: int = 0
    seen: list[dict[str, list[str]]] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                form = parse_qs((await reader.readexactly(length)).decode(), keep_blank_values=True)
                self.seen.append(form)
                body = b"CON " + form["text"][0].replace("lie", "truth").encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nCON " % len(body))
                await writer.drain()
                writer.write(body[4:])
        except asyncio.IncompleteReadError:
            writer.close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(asyncio.start_server(found.answer, "127.0.0.1", 0))
    found.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield found
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    listening.close()
    loop.close()


@dataclass
class Says:
    """Each dialog types its words; then there is no more when `dialogs` are over."""

    port: int
    words: list[str]
    dialogs: int
    counts: Counter[str] = field(default_factory=Counter)

    def dialog(self) -> Talk | None:
        if not self.dialogs:
            return None
        self.dialogs -= 1
        return self.talk(f"s{self.dialogs}")

    def talk(self, session: str) -> Talk:
        gateway = Gateway(self.port, "*384#")
        for place in range(len(self.words)):
            text = quoted(self.words[: place + 1])
            wanted = "CON " + "*".join(self.words[: place + 1])
            if (yield gateway.request(session, "254700000001", text)) != wanted.encode():
                raise Wrong(repr(wanted))
        self.counts["dialogs"] += 1

    def told(self) -> str:
        return f"{self.dialogs} left"


def test_each_answer_is_checked_against_its_own_request_and_dialogs_are_counted(server: Server) -> None:
    with walking(ANYWHERE, server.port, 3, Says(server.port, ["1", "a b", "4*&="], 20)) as walker:
        walked = walker.walk(30)
    assert (walked.right, walked.wrong, walked.ended) == (60, 0, True)
    assert walked.counts == {"dialogs": 20}
    assert walked.told == "0 left"
    first = server.seen[0]
    assert (first["phoneNumber"], first["serviceCode"], first["text"]) == (
        ["+254700000001"],
        ["*384#"],
        ["1"],
    )


def test_an_answer_that_is_not_the_wanted_one_is_wrong_and_ends_its_dialog(server: Server) -> None:
    with walking(ANYWHERE, server.port, 2, Says(server.port, ["1", "lie", "3"], 10)) as walker:
        walked = walker.walk(30)
    assert (walked.right, walked.wrong) == (10, 10)
    assert walked.counts["dialogs"] == 0
    assert "1*lie" in walked.example
    assert "1*truth" in walked.example


def test_a_dialog_goes_on_where_the_walk_before_left_it(server: Server) -> None:
    words = [str(number) for number in range(1_000)]
    with walking(ANYWHERE, server.port, 1, Says(server.port, words, 1)) as walker:
        first = walker.walk(0.02)
        rest = walker.walk(30)
    assert not first.ended
    assert (rest.ended, rest.wrong, rest.counts["dialogs"]) == (True, 0, 1)
    assert [form["text"][0].count("*") for form in server.seen] == list(range(1_000))


def test_a_walk_has_the_rate_it_is_given_tells_of_its_parts_and_ends_when_told(server: Server) -> None:
    with walking(ANYWHERE, server.port, 4, Says(server.port, ["1"] * 5, 100_000)) as walker:
        paced = walker.walk(1, rate=200)
        walker.begin(60, bin_s=0.05)
        while len(server.seen) < 600:
            pass
        walker.stop()
        stopped = walker.finish(60)
    assert 150 <= paced.right <= 205
    assert stopped.wrong == 0
    assert stopped.seconds < 30
    assert sum(part.answers for part in stopped.bins) == stopped.right
    assert all(part.p99_ms <= part.most_ms for part in stopped.bins)
