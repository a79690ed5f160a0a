"""How the dialogs of a menu version go, counted state by state while they go: shown, left, dwell.

A turn takes the phone from one state (that is left) to another (that is shown); on the first turn there
is only the second. `follow` and `open` count that, and both ways of a turn call them, so that they count
the same. Nothing is locked: a process serves its turns on one event loop.

    shown      a state's screen was shown to somebody who was not there before
    left       an answer led from it to another state
    refused    an answer to it was not accepted
    begun      of the screens shown, those that began a session
    ended      it was the session's last screen

Who was shown a state and neither left it nor was at the end there, dropped off there.

Rule: what is counted once is counted until `take`, and then never again.
"""

import cython

# The greatest dwell of each bucket, in milliseconds; one more bucket is for what is longer.
BOUNDS_MS = (2_000, 5_000, 10_000, 20_000, 60_000)


@cython.cclass
class Visits:
    """What was counted of one state since it was last taken. Dwell is from a screen to its answer."""

    def __init__(self) -> None:
        self.shown = 0
        self.left = 0
        self.refused = 0
        self.begun = 0
        self.ended = 0
        self.dwell_ms = 0
        self.within_2s = 0
        self.within_5s = 0
        self.within_10s = 0
        self.within_20s = 0
        self.within_60s = 0
        self.longer = 0

    @cython.ccall
    def open(self, more: cython.bint) -> object:
        """A session began with this state's screen. more: it goes on."""
        self.begun += 1
        self.shown += 1
        if not more:
            self.ended += 1
        return None

    @cython.ccall
    def follow(
        self, before: "Visits", dwell_ms: cython.longlong, refused: cython.bint, more: cython.bint
    ) -> object:
        """An answer to the state before led here, or not away from it. dwell_ms: how long it took; below
        zero when nobody knows. refused: it was not accepted. more: the session goes on."""
        if dwell_ms >= 0:
            before._dwell(dwell_ms)
        if refused:
            before.refused += 1
        if before is not self:
            before.left += 1
            self.shown += 1
        if not more:
            self.ended += 1
        return None

    @cython.cfunc
    @cython.exceptval(check=False)
    def _dwell(self, milliseconds: cython.longlong) -> cython.longlong:
        """So long until the answer came."""
        self.dwell_ms += milliseconds
        if milliseconds <= 5_000:
            if milliseconds <= 2_000:
                self.within_2s += 1
            else:
                self.within_5s += 1
        elif milliseconds <= 10_000:
            self.within_10s += 1
        elif milliseconds <= 20_000:
            self.within_20s += 1
        elif milliseconds <= 60_000:
            self.within_60s += 1
        else:
            self.longer += 1
        return self.dwell_ms

    def take(self) -> tuple[int, ...]:
        """Everything counted, in the order of the constructor, or nothing at all; it is zero after that."""
        taken = (
            self.shown, self.left, self.refused, self.begun, self.ended, self.dwell_ms,
            self.within_2s, self.within_5s, self.within_10s, self.within_20s, self.within_60s, self.longer,
        )  # fmt: skip
        if not any(taken):
            return ()
        self.shown = self.left = self.refused = self.begun = self.ended = self.dwell_ms = 0
        self.within_2s = self.within_5s = self.within_10s = 0
        self.within_20s = self.within_60s = self.longer = 0
        return taken


@cython.cclass
class Audience:
    """The visits to a menu version from one network, by language and state. Both are the menu's own, so
    there are no more cells than it has states in all its languages."""

    def __init__(self) -> None:
        self.languages: dict = {}  # type: ignore[type-arg]
        self._language: str | None = None  # of the visit before
        self._states: dict = {}  # type: ignore[type-arg]

    @cython.ccall
    def at(self, language: str, state: str) -> Visits:
        """The visits to a state in a language."""
        if language is not self._language:
            self._states = self.languages.setdefault(language, {})
            self._language = language
        found = self._states.get(state)
        return self._new(state) if found is None else found

    @cython.cfunc
    def _new(self, state: str) -> Visits:
        visits: Visits = Visits()
        self._states[state] = visits
        return visits

    def take(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """Language, state and what was counted, of each state where something was."""
        return [
            (language, state, taken)
            for language, states in self.languages.items()
            for state, visits in states.items()
            if (taken := visits.take())
        ]


@cython.cclass
class Seats:
    """The same visits by a state's place in its program, where it has one. (Versions beyond the most that
    are counted apart share an audience, and have each their own places.)"""

    def __init__(self, audience: Audience) -> None:
        """audience: where the visits are."""
        self._audience = audience
        self._language: str | None = None  # of the visit before
        self._languages: dict = {}  # type: ignore[type-arg]
        self._places: list = []  # type: ignore[type-arg]

    @cython.ccall
    def at(self, language: str, state: str, place: cython.Py_ssize_t) -> Visits:
        """The visits to a state in a language. place: -1, it has none."""
        if language is not self._language:
            self._places = self._languages.setdefault(language, [])
            self._language = language
        if 0 <= place < len(self._places):
            found = self._places[place]
            if found is not None:
                return found
        return self._first(language, state, place)

    @cython.cfunc
    def _first(self, language: str, state: str, place: cython.Py_ssize_t) -> Visits:
        visits: Visits = self._audience.at(language, state)
        if place >= 0:
            self._places.extend([None] * (place + 1 - len(self._places)))
            self._places[place] = visits
        return visits
