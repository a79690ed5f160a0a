"""Whole HTTP answers of a gateway, written around a screen."""

from collections.abc import Mapping
from typing import Any

import cython

from .writer import Writer


@cython.cclass
class Answers:
    """Writes them, one at a time."""

    def __init__(self, around: Mapping[bool, tuple[str, str]], heads: Any) -> None:
        """around: what stands before and behind a screen that goes on, and the last one. heads(second): how
        their answers begin at that second since the epoch, up to the length."""
        self._before_more, self._after_more = (part.encode() for part in around[True])
        self._before_end, self._after_end = (part.encode() for part in around[False])
        self._heads = heads
        self._second = 0
        self._head_more = self._head_end = b""
        self._body = Writer()
        self._whole = Writer()

    @cython.ccall
    def of(self, text: str, more: cython.bint, second: cython.longlong) -> bytes:
        """The answer with this screen. second: since the epoch."""
        body: Writer = self._body
        whole: Writer = self._whole
        if second != self._second:
            self._head_more, self._head_end = self._heads(second)
            self._second = second
        body.clear()
        body.put(self._before_more if more else self._before_end)
        body.utf8(text)
        body.put(self._after_more if more else self._after_end)
        whole.clear()
        whole.put(self._head_more if more else self._head_end)
        whole.number(body.size)
        whole.put(b"\r\n\r\n")
        whole.append(body)
        return whole.taken()
