"""What the cache is handed and what it hands back are the same, with their types."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import BaseModel, ValidationError

from services.api.cache_stores import Local, Memcached, open_store, servers
from services.api.packed import pack, shape, unpack
from ussd_engine.errors import SettingsError
from ussd_engine.settings import Settings

TEXT = some.text(some.characters(codec="utf-8"), max_size=8)
ZONES = some.sampled_from([UTC, timezone(timedelta(hours=3)), None])
PLAIN = (
    some.none()
    | some.booleans()
    | some.integers(-(2**63), 2**63 - 1)
    | some.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | some.dates()
    | some.datetimes(timezones=ZONES).map(lambda at: at.replace(fold=0))
    | some.decimals(allow_nan=False, allow_infinity=False, places=2)
)
NAMES = TEXT.filter(lambda name: not name.startswith("\0"))
VALUES = some.recursive(PLAIN, lambda inner: some.lists(inner, max_size=4) | some.dictionaries(NAMES, inner))


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    found = unpack(pack(value))
    assert found == value
    assert repr(found) == repr(value)  # 1 is not True, a date no text, a Decimal keeps its zeros


class Page(BaseModel):
    """A bit of everything that answers are made of."""

    cents: int
    rate: Decimal
    due_on: date
    at: datetime
    parts: list["Page"] = []


PAGES = some.builds(
    Page,
    cents=some.integers(-(2**63), 2**63 - 1),
    rate=some.decimals(allow_nan=False, allow_infinity=False, places=3),
    due_on=some.dates(),
    at=some.datetimes(timezones=some.just(UTC)),
    parts=some.just([]),
)


@settings(max_examples=50, deadline=None)
@given(PAGES)
def test_models_come_back_as_they_were(page: Page) -> None:
    whole = page.model_copy(update={"parts": [page]})
    assert unpack(pack(whole, Page), Page) == whole


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, {"\0date": "x"}, float("nan"), {1, 2}, object(), [b"x"]])
def test_what_would_come_back_otherwise_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        pack(value)


def test_a_model_is_kept_under_its_own_shape() -> None:
    class Other(BaseModel):
        cents: int

    assert shape(Page) != shape(Other)
    assert shape(None) == ""
    with pytest.raises(TypeError, match="int is not Page"):
        pack(1, Page)
    with pytest.raises(ValidationError):
        unpack(b'{"cents":1}', Page)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("", []),
        ("cache", [("cache", 11311)]),
        ("one, two:11212 ,", [("one", 11311), ("two", 11212)]),
        ("10.0.0.1:5,[::1]:6,::1", [("10.0.0.1", 5), ("::1", 6), ("::1", 11311)]),
    ],
)
async def test_where_memcached_is(written: str, named: list[tuple[str, int]]) -> None:
    chosen = Settings(_env_file=None, memcached_host=written, memcached_port=11311)
    assert servers(chosen) == named
    store = open_store(chosen)
    assert isinstance(store, Memcached if named else Local)
    await store.close()


@pytest.mark.parametrize("written", ["cache:port", "cache:0", "cache:70000", ":11211"])
def test_a_wrong_place_of_memcached_is_said_in_a_sentence(written: str) -> None:
    with pytest.raises(SettingsError, match="MEMCACHED_HOST must be hosts such as"):
        servers(Settings(_env_file=None, memcached_host=written))
