"""First in, first out, without a method of Python's to call: a deque costs two of them for each item."""

from typing import Any

import cython


@cython.cclass
class Ring:
    """Items in their order. size: how many."""

    def __init__(self) -> None:
        self.size = 0
        self._first = 0
        self._places = 4  # a power of two
        self._items: list = [None] * 4  # type: ignore[type-arg]

    @cython.ccall
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def append(self, item: object) -> object:
        """Put one at the end."""
        if self.size == self._places:
            first: cython.Py_ssize_t = self._first
            self._items = self._items[first:] + self._items[:first] + [None] * self._places
            self._first = 0
            self._places *= 2
        self._items[(self._first + self.size) & (self._places - 1)] = item
        self.size += 1
        return None

    @cython.ccall
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def first(self) -> Any:
        """The one that has been in longest; None when there is none."""
        return self._items[self._first] if self.size > 0 else None

    def waiting(self) -> list[Any]:
        """All of them, the first first."""
        return (self._items[self._first :] + self._items[: self._first])[: self.size]

    @cython.ccall
    @cython.boundscheck(False)
    @cython.wraparound(False)
    def popleft(self) -> Any:
        """Take it out. Raises IndexError when there is none."""
        if self.size == 0:
            raise IndexError("nothing is in it")
        item: object = self._items[self._first]
        self._items[self._first] = None
        self._first = (self._first + 1) & (self._places - 1)
        self.size -= 1
        return item
