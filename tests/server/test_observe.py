"""Metrics and logs by themselves: what prometheus reads, and what a careless line does not tell."""

import io
import logging
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from ussd_engine.observe import Board, get_logger, mask
from ussd_engine.observe.cells import MAX_CELLS, SECONDS, Counts, Spreads
from ussd_engine.observe.logs import redact, show_of_numbers
from ussd_engine.settings import Settings


@given(st.lists(st.floats(min_value=0, max_value=100), max_size=30))
def test_a_histogram_reads_as_prometheus_clients_own(seconds: list[float]) -> None:
    registry = CollectorRegistry()
    theirs = Histogram("ussd_seconds", "x", registry=registry, buckets=SECONDS)
    ours = Spreads("seconds", "x")
    for value in seconds:
        theirs.observe(value)
        ours.labels().observe(value)
    (expected,) = registry.collect()
    found = {(sample.name, sample.labels.get("le")): sample.value for sample in ours.family().samples}
    assert found == {
        (sample.name, sample.labels.get("le")): sample.value
        for sample in expected.samples
        if not sample.name.endswith("_created")
    }


def test_the_page_is_what_prometheus_parses() -> None:
    board = Board()
    board.turns.labels("africastalking", "more").inc()
    board.action("loans.quote", "ok", 0.004)
    board.replays.inc()
    board.bundle_in_use("umoja", "aaaaaaaaaaaa")
    board.bundle_in_use("umoja", "bbbbbbbbbbbb")
    families = {family.name: family for family in text_string_to_metric_families(board.page().decode())}
    assert [sample.value for sample in families["ussd_replays"].samples] == [1.0]
    assert families["ussd_actions"].samples[0].labels == {"action": "loans.quote", "outcome": "ok"}
    assert [sample.labels["bundle"] for sample in families["ussd_bundle_in_use"].samples] == ["bbbbbbbbbbbb"]
    assert families["process_open_fds"].samples[0].value > 0


def test_a_family_does_not_grow_without_end() -> None:
    family = Counts("events", "x", "status")
    for number in range(MAX_CELLS + 50):
        family.labels(str(number)).inc()
    assert family.value("other") == 50
    assert len(family.family().samples) == MAX_CELLS + 1


def test_label_values_must_be_as_many_as_labels() -> None:
    with pytest.raises(ValueError, match="got 1 values"):
        Counts("turns", "x", "gateway", "outcome").labels("africastalking")


@pytest.mark.parametrize(("msisdn", "masked"), [
    ("254711000126", "2547***126"), ("+254711000126", "2547***126"), ("0711", "***"), ("", "***"),
])  # fmt: skip
def test_a_masked_number_can_be_recognised_and_not_dialled(msisdn: str, masked: str) -> None:
    assert mask(msisdn) == masked


def test_how_much_of_a_number_is_shown_is_a_setting() -> None:
    try:
        for first, last, masked in ((0, 0, "***"), (3, 2, "254***26"), (6, 3, "254712***126")):
            show_of_numbers(first, last)
            assert mask("+254712000126") == masked
        with pytest.raises(ValidationError):
            Settings(mask_first=7)  # nearly all of it is no mask
    finally:
        show_of_numbers(4, 3)


@pytest.mark.parametrize("line", [
    {"text": "1*4821"}, {"PIN": "4821"}, {"call": {"args": {"pin": "4821"}}}, {"seen": [{"input": "4821"}]},
    {"msisdn": "254711004821"}, {"note": "for +254711004821, twice"}, {"number": 254711004821},
    {"deep": [[[[["4821"]]]]]}, {"error": "DETAIL:  Key (national_id)=(4821) exists."},
])  # fmt: skip
def test_a_careless_line_tells_nothing(line: dict[str, object]) -> None:
    assert "4821" not in orjson.dumps(redact(None, "info", line), default=str).decode()


def test_a_line_keeps_what_is_nobodys_secret() -> None:
    line = {"session_id": "ATUid_b2cd8a3b2a0f3a3b", "seconds": 0.25, "ok": True, "none": None, "n": 1234567}
    assert redact(None, "info", line) == line


def test_a_long_traceback_keeps_its_end() -> None:
    cut = redact(None, "error", {"exception": "first " + "x" * 50_000 + " last"})["exception"]
    assert (len(cut) < 5000, cut[:5], cut[-4:]) == (True, "first", "last")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What our handler writes."""
    (ours,) = [handler for handler in logging.getLogger().handlers if type(handler).__name__ == "_OurHandler"]
    copy = logging.StreamHandler(io.StringIO())
    copy.setFormatter(ours.formatter)
    logging.getLogger().addHandler(copy)
    yield copy.stream
    logging.getLogger().removeHandler(copy)


def test_every_line_is_one_json_object_whoever_logs(written: io.StringIO) -> None:
    get_logger("ussd.test").warning("refused", msisdn="254711000126", reason="nul")
    logging.getLogger("aiohttp.server").error("bad thing for %s", "+254711000126")
    try:
        raise RuntimeError("of 254711000126")
    except RuntimeError:
        get_logger("ussd.test").exception("failed")
    ours, theirs, failed = (orjson.loads(line) for line in written.getvalue().splitlines())
    assert (ours["event"], ours["level"], ours["msisdn"]) == ("refused", "warning", "2547***126")
    assert (theirs["event"], theirs["logger"]) == ("bad thing for 2547***126", "aiohttp.server")
    assert failed["exception"].endswith("RuntimeError: of 2547***126")
