"""What M-Pesa says, however it says it, and whatever else is sent in its place."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mpesa import told
from services.mpesa.told import ToldError


@pytest.mark.parametrize(
    ("said", "cents"),
    [(1, 100), (1.0, 100), ("1", 100), ("5.00", 500), (2360.5, 236_050), ("1,000.25", 100_025), (0.1, 10)],
)
def test_an_amount_is_cents(said: Any, cents: int) -> None:
    assert told.cents(said) == cents


@pytest.mark.parametrize(
    "said",
    [
        "nan",
        "inf",
        "-inf",
        float("nan"),
        float("inf"),
        "-1",
        0,
        0.001,
        "1e9",
        "1e300",
        None,
        True,
        [],
        "",
        "x",
    ],
)
def test_what_is_no_amount_is_refused(said: Any) -> None:
    with pytest.raises(ToldError):
        told.cents(said)


@pytest.mark.parametrize(
    "said",
    [254712345678, 254712345678.0, "254712345678", "+254712345678", "0712345678", "712345678", 712345678,
     " 0712 345-678 "],
)  # fmt: skip
def test_a_phone_number_is_one_however_it_is_written(said: Any) -> None:
    assert told.msisdn(said) == "254712345678"


@pytest.mark.parametrize(
    "said", ["", None, True, "2547 ***** 126", "U4K7QXN", "١٢٣٤٥٦٧٨٩", 12, float("nan"), "a" * 64]
)
def test_what_is_no_phone_number_is_none(said: Any) -> None:
    assert told.msisdn(said) == ""


def test_balances_are_read_by_account() -> None:
    said = (
        "Working Account|KES|700000.00|700000.00|0.00|0.00&Float Account|KES|0.00|0.00|0.00|0.00"
        "&Utility Account|KES|228037.00|228037.00|0.00|0.00&Charges Paid Account|KES|-1540.00|-1540.00|0|0"
    )
    found = told.balances(said)
    assert found["Utility Account"] == 22_803_700
    assert found["Charges Paid Account"] == -154_000
    assert told.balances("nonsense&a|b&c|KES|x") == {}


def test_times_are_nairobis() -> None:
    evening = datetime(2024, 7, 6, 19, 48, 52, tzinfo=UTC)
    assert told.completed_at("06.07.2024 22:48:52") == evening
    assert told.completed_at("20240706224852") == evening
    assert told.completed_at("yesterday") is None


def test_entries_may_lack_a_value_come_twice_or_alone() -> None:
    entries = [{"Key": "a"}, {"Key": "b", "Value": 1}, {"Key": "b", "Value": 2}, {"Value": 3}, None]
    held = {"Result": {"ResultCode": "0", "ResultParameters": {"ResultParameter": entries}}}
    assert told.result(held).values == {"b": 1}
    held["Result"]["ResultParameters"] = {"ResultParameter": {"Key": "c", "Value": "x"}}
    assert told.result(held).text("c") == "x"
    assert told.result({"Result": {"ResultCode": 0}}).code == "0"


KEYS = ["Body", "stkCallback", "Result", "ResultCode", "ResultParameters", "ResultParameter", "Key", "Value"]
KEYS += ["CallbackMetadata", "Item", "Name", "TransID", "TransAmount", "TransTime", "BillRefNumber", "MSISDN"]
LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text()
json_values = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


@given(json_values)
def test_anything_else_makes_no_sense_and_nothing_worse(held: Any) -> None:
    for read in (told.prompted, told.result, told.paid, told.pulled):
        try:
            read(told.document(orjson.dumps(held)))
        except ToldError:
            continue
