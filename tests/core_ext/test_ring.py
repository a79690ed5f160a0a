"""First in, first out, whatever comes in between."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core_ext.builds import Core, compiled, interpreted


@given(st.lists(st.booleans(), max_size=60))
def test_items_leave_in_the_order_they_came(steps: list[bool]) -> None:
    for build in (compiled, interpreted):
        ring, expected = build().ring.Ring(), deque[int]()
        for number, comes in enumerate(steps):
            if comes:
                ring.append(number)
                expected.append(number)
            elif expected:
                assert ring.first() == expected[0]
                assert ring.popleft() == expected.popleft()
            assert ring.size == len(expected)
        assert [ring.popleft() for _ in range(ring.size)] == list(expected)
        assert ring.first() is None


def test_nothing_is_taken_out_of_an_empty_one(core: Core) -> None:
    with pytest.raises(IndexError):
        core.ring.Ring().popleft()
