"""What is counted in every turn: a number that goes up, and durations by how long they were."""

import cython


@cython.cclass
class Count:
    """A number that goes up (or, in a gauge, is set)."""

    def __init__(self) -> None:
        self.value = 0.0

    @cython.ccall
    def inc(self, by: cython.double = 1) -> object:
        """Add."""
        self.value += by
        return None

    def set(self, value: float) -> None:
        """Say what it is now; gauges only."""
        self.value = value


@cython.cclass
class Spread:
    """A histogram of seconds: how many fell in each bucket, and their sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """bounds: the greatest of each bucket, in order; one more bucket is for what is longer."""
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    @cython.ccall
    def observe(self, seconds: cython.double) -> object:
        """Count one duration."""
        index: cython.Py_ssize_t = 0
        bound: cython.double
        for bound in self._bounds:
            if bound >= seconds:
                break
            index += 1
        self.counts[index] += 1
        self.sum += seconds
        return None
