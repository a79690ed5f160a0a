"""Bytes written one behind the other, and texts and numbers as orjson writes them."""

import subprocess
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core_ext.builds import Core, compiled, interpreted

TEXTS = st.text() | st.text(st.sampled_from('abc "\\\n\x00\x1f\x7f\x80é€\U0001f4b8'), max_size=40)
PIECES = st.tuples(st.just("put"), st.binary(max_size=3000)) | st.tuples(st.just("text"), TEXTS)
PIECES |= st.tuples(st.just("utf8"), TEXTS) | st.tuples(st.just("number"), st.integers(-(2**63), 2**63 - 1))


def spelled(kind: str, piece: Any) -> bytes:
    if kind in ("put", "utf8"):
        return piece if isinstance(piece, bytes) else piece.encode()  # type: ignore[no-any-return]
    return orjson.dumps(piece)


@given(st.lists(PIECES, max_size=12))
def test_what_is_written_stands_one_behind_the_other(pieces: list[tuple[str, Any]]) -> None:
    for build in (compiled, interpreted):
        to, other = build().writer.Writer(), build().writer.Writer()
        for kind, piece in pieces:
            getattr(to, kind)(piece)
        expected = b"".join(spelled(kind, piece) for kind, piece in pieces)
        assert (to.taken(), to.size) == (expected, len(expected))
        other.part(b"<" + expected + b">", 1, 1 + len(expected))
        to.append(other)
        assert to.taken() == expected * 2
        to.clear()
        to.sized(other)
        to.argument(expected, len(expected) // 2)
        half = expected[: len(expected) // 2]
        assert to.taken() == b"$%d\r\n%b$%d\r\n%b" % (len(expected), expected, len(half), half)
        to.clear()
        assert (to.taken(), to.size, to.decoded()) == (b"", 0, "")


@given(st.lists(TEXTS, max_size=5))
def test_texts_come_back_as_one(texts: list[str]) -> None:
    for build in (compiled, interpreted):
        to = build().writer.Writer()
        for text in texts:
            to.utf8(text)
        assert to.decoded() == "".join(texts)


def test_half_a_surrogate_pair_is_refused(core: Core) -> None:
    to = core.writer.Writer()
    with pytest.raises(UnicodeEncodeError):
        to.utf8("\ud800")
    with pytest.raises((UnicodeEncodeError, TypeError)):
        to.text("\ud800")


STARVED = """
import resource
from core_ext.writer import Writer
to, much = Writer(), bytes(300 << 20)
resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))
try:
    to.put(much)
except MemoryError:
    to.clear()
to.put(b"x" * (1 << 20))
print(to.taken() == b"x" * (1 << 20))
"""


def test_who_got_no_memory_does_not_write_past_what_there_is() -> None:
    ended = subprocess.run([sys.executable, "-c", STARVED], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True\n", "")
