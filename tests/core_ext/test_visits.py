"""What is counted of a state, by both builds."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_ext.builds import compiled, interpreted

BUILDS = (compiled, interpreted)
STATES = ("main", "amount", "bye")
TURNS = st.lists(
    st.tuples(st.sampled_from(STATES), st.integers(-1, 200_000), st.booleans()), min_size=1, max_size=20
)


@settings(deadline=None)
@given(st.lists(TURNS, max_size=5))
def test_every_turn_of_every_session_is_counted(sessions: list[list[tuple[str, int, bool]]]) -> None:
    wanted: Counter[tuple[str, int]] = Counter()
    for turns in sessions:
        here = ""
        for number, (state, dwell_ms, refused) in enumerate(turns):
            last = number == len(turns) - 1
            if here and dwell_ms >= 0:
                bucket = sum(dwell_ms > bound for bound in (2_000, 5_000, 10_000, 20_000, 60_000))
                wanted[here, 5] += dwell_ms
                wanted[here, 6 + bucket] += 1
            wanted[here, 1] += here not in ("", state)
            wanted[here, 2] += bool(here and refused)
            wanted[state, 0] += here != state
            wanted[state, 3] += not here
            wanted[state, 4] += last
            here = state
    for build in BUILDS:
        audience = build().visits.Audience()
        for turns in sessions:
            before = None
            for number, (state, dwell_ms, refused) in enumerate(turns):
                more = number < len(turns) - 1
                after = audience.at("en", state)
                if before is None:
                    after.open(more)
                else:
                    after.follow(before, dwell_ms, refused, more)
                before = after
        found = {
            (state, place): number
            for _, state, numbers in audience.take()
            for place, number in enumerate(numbers)
            if number
        }
        assert found == {key: number for key, number in wanted.items() if number and key[0]}
        assert audience.take() == []


def test_the_buckets_are_as_their_bounds_say() -> None:
    for build in BUILDS:
        module = build().visits
        assert module.BOUNDS_MS == (2_000, 5_000, 10_000, 20_000, 60_000)
        here = module.Visits()
        for place, bound in enumerate(module.BOUNDS_MS):
            for milliseconds, bucket in ((bound, place), (bound + 1, place + 1)):
                here.follow(here, milliseconds, False, True)
                taken = here.take()
                assert taken[6 + bucket] == 1
                assert sum(taken[6:]) == 1


def test_two_versions_that_share_an_audience_count_each_state_under_its_own_name() -> None:
    """As versions do that are beyond the most that are counted apart."""
    for build in BUILDS:
        module = build().visits
        audience = module.Audience()
        versions = {name: module.Seats(audience) for name in ("ab", "ba")}
        for _ in range(2):  # found for the first time, and again
            for states, seats in versions.items():
                for language in ("en", "sw"):
                    for place, state in enumerate(states):
                        seats.at(language, state, place).open(True)
                    seats.at(language, "@resume", -1).open(True)
        found = {(language, state): numbers[0] for language, state, numbers in audience.take()}
        assert found == {(language, state): 4 for language in ("en", "sw") for state in ("a", "b", "@resume")}
