"""The last so many keys, each with a number, in memory that is taken once and does not grow.

A table with open addressing; whoever goes leaves no mark, those behind it move up (Knuth, The Art of Computer
Programming, volume 3, section 6.4, algorithm R). An OrderedDict does the same with five times the memory, and
copies itself whole whenever it has seen as many keys again as it holds.
"""

# Buffer types are no types to a checker.
# mypy: disable-error-code="misc,valid-type"

from array import array

import cython

__all__ = ["Recent"]


@cython.final
@cython.cclass
class Recent:
    """The last `most` keys: numbers of 64 bits, signed, that differ in their last bits, as hash() gives them.

    What is kept of each is a number of 31 bits. The key 0 is taken for 1.
    """

    _most = cython.declare(cython.Py_ssize_t)
    _size = cython.declare(cython.Py_ssize_t)
    _oldest = cython.declare(cython.Py_ssize_t)
    _mask = cython.declare(cython.longlong)
    _keys = cython.declare(cython.longlong[::1])  # 0: nothing there
    _numbers = cython.declare(cython.int[::1])
    _order = cython.declare(cython.longlong[::1])  # the keys as they came, from _oldest on and round

    def __init__(self, most: int) -> None:
        places = 2
        while places < most * 2:  # half of it empty: a search ends soon
            places *= 2
        self._most = most
        self._size = 0
        self._oldest = 0
        self._mask = places - 1
        self._keys = array("q", [0]) * places
        self._numbers = array("i", [0]) * places
        self._order = array("q", [0]) * most

    def __len__(self) -> int:
        return self._size

    @cython.locals(place=cython.longlong)
    def add(self, key: cython.longlong, number: cython.int) -> None:
        """Remember a key's number. What is known of one stays; the oldest goes when there are too many."""
        key = key or 1
        place = self._place(key)
        if self._keys[place] != 0:
            return
        if self._size == self._most:
            self._remove(self._order[self._oldest])
            place = self._place(key)
        else:
            self._size += 1
        self._keys[place] = key
        self._numbers[place] = number
        self._order[self._oldest] = key
        self._oldest = (self._oldest + 1) % self._most

    @cython.locals(place=cython.longlong)
    def get(self, key: cython.longlong) -> int | None:
        """The key's number; None when it is not among the last."""
        place = self._place(key or 1)
        return self._numbers[place] if self._keys[place] != 0 else None

    @cython.cfunc
    @cython.exceptval(check=False)
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.locals(place=cython.longlong)
    def _place(self, key: cython.longlong) -> cython.longlong:
        """Where the key is, or would be."""
        place = key & self._mask
        while self._keys[place] != 0 and self._keys[place] != key:
            place = (place + 1) & self._mask
        return place

    @cython.cfunc
    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.locals(hole=cython.longlong, place=cython.longlong, home=cython.longlong)
    def _remove(self, key: cython.longlong) -> object:
        """Take it out. Who is behind it and would not be found past a hole moves into it."""
        hole = place = self._place(key)
        while True:
            place = (place + 1) & self._mask
            if self._keys[place] == 0:
                break
            home = self._keys[place] & self._mask
            if (place - home) & self._mask >= (place - hole) & self._mask:
                self._keys[hole] = self._keys[place]
                self._numbers[hole] = self._numbers[place]
                hole = place
        self._keys[hole] = 0
        return None
