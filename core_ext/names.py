# mypy: disable-error-code="name-defined"
"""The states of a program by their names."""

import cython

from .states import State


@cython.cclass
class Names:
    """The states of a program by their names. As a dict, but that nothing is read of a state beside the
    state itself: with thousands of states a dict's entry and its key would each be waited for."""

    def __init__(self, states: dict) -> None:  # type: ignore[type-arg]
        """states: by name."""
        self._states = states
        self._mask = 1
        while self._mask < 2 * len(states):
            self._mask = 2 * self._mask + 1
        self._slots = bytearray(8 * (self._mask + 1))
        if cython.compiled:
            slots = cython.cast(cython.pp_void, PyByteArray_AS_STRING(self._slots))  # noqa: F821
            state: State
            for state in states.values():
                place: cython.Py_ssize_t = _mixed(state.name) & self._mask
                while slots[place] != cython.NULL:
                    place = (place + 1) & self._mask
                slots[place] = cython.cast(cython.p_void, state)

    @cython.cfunc
    def find(self, name: str) -> State | None:
        """The state of this name."""
        if not cython.compiled or name is None:
            return self._states.get(name)
        slots = cython.cast(cython.pp_void, PyByteArray_AS_STRING(self._slots))  # noqa: F821
        place: cython.Py_ssize_t = _mixed(name) & self._mask
        while slots[place] != cython.NULL:
            state: State = cython.cast(State, slots[place])
            if state.is_called(name):
                return state
            place = (place + 1) & self._mask
        return None


@cython.cfunc
@cython.exceptval(0, check=True)
def _mixed(name: str) -> cython.uint:
    """A number of its letters."""
    size: cython.Py_ssize_t = 0
    mixed: cython.uint = 0
    letters: cython.p_const_char = PyUnicode_AsUTF8AndSize(name, cython.address(size))  # noqa: F821
    for place in range(size):
        mixed = mixed * 31 + cython.cast(cython.uchar, letters[place])
    return mixed ^ (mixed >> 15)
