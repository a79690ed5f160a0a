"""The last so many keys: what an OrderedDict would say of them."""

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core_ext.builds import Core, compiled, interpreted

# Of few last bits, so that they crowd and search past one another.
KEYS = st.one_of(
    st.integers(-3, 20),
    st.integers(-5, 5).map(lambda number: number * 4096 + 7),
    st.integers(-(2**63), 2**63 - 1),
).filter(bool)


@given(st.integers(1, 12), st.lists(st.tuples(KEYS, st.integers(-1, 2**31 - 1)), max_size=60))
def test_the_last_keys_are_known_with_their_first_numbers(most: int, came: list[tuple[int, int]]) -> None:
    for build in (compiled, interpreted):
        recent, expected = build().recent.Recent(most), OrderedDict[int, int]()
        for key, number in came:
            recent.add(key, number)
            expected.setdefault(key, number)
            if len(expected) > most:
                expected.popitem(last=False)
            assert len(recent) == len(expected)
            assert all(recent.get(key) == expected.get(key) for key, _ in came)


@pytest.mark.parametrize("key", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_keys_of_the_edges_are_found(core: Core, key: int) -> None:
    recent = core.recent.Recent(1)
    assert recent.get(key) is None
    recent.add(key, 3)
    assert recent.get(key) == 3


def test_hashes_of_texts_come_and_go(core: Core) -> None:
    recent = core.recent.Recent(1000)
    for number in range(10_000):
        recent.add(hash(("africastalking", f"AT{number}", "+254700000001")), number)
    found = [recent.get(hash(("africastalking", f"AT{number}", "+254700000001"))) for number in range(10_000)]
    assert found == [None] * 9_000 + list(range(9_000, 10_000))
