from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.app import service
from services.sms.client import Accepted, Refused, Unknown, cost_cents, outcome_of
from services.sms.notices import NOTICES, WIDEST
from services.sms.texts import Quiet, Texts, parts
from tests.sms.conftest import SOURCES

SMS = SOURCES["sms.yaml"]


def findings(old: str, new: str) -> list[tuple[int, int, str]]:
    """What `ussd check` says of sms.yaml with that change."""
    assert SMS.count(old) == 1, old
    _, problems = service.load({**SOURCES, "sms.yaml": SMS.replace(old, new)})
    assert all(problem.file == "sms.yaml" for problem in problems)
    return [(problem.line, problem.column, problem.message) for problem in problems]


def place(text: str) -> tuple[int, int]:
    """Line and column of a text that is in the file once."""
    before = SMS[: SMS.index(text)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def test_the_words_of_umoja_are_sound_and_every_notice_has_them(words: Texts) -> None:
    assert service.load(SOURCES)[1] == []
    assert set(words.messages) == set(NOTICES)
    for notice in NOTICES:
        for language in ("en", "sw"):
            assert parts(words.say(notice, language, WIDEST)[0]) <= 2


def test_a_notice_is_said_in_the_services_first_language_to_who_speaks_another(words: Texts) -> None:
    assert words.say("due_today", "fr", WIDEST)[1] == "en"


@pytest.mark.parametrize(
    ("text", "count"),
    [("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("{" * 80, 1), ("{" * 81, 2),
     ("ĩ" * 70, 1), ("ĩ" * 71, 2), ("ĩ" + "a" * 134, 3), ("", 1)],
)  # fmt: skip
def test_a_part_is_160_septets_or_70_characters_and_less_in_a_chain(text: str, count: int) -> None:
    assert parts(text) == count


def test_an_unknown_slot_is_told_with_its_place() -> None:
    (line, column) = place("{limit|money}. Dial")
    assert findings("{limit|money}. Dial", "{limt|money}. Dial") == [
        (line, column, "There is no {limt} in this message.")
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{limit|money}. Dial", "{limit}. Dial", "{limit} is money and cannot be shown like this."),
        ("{limit|money}. Dial", "{limit|mony}. Dial", "There is no filter `mony`."),
        ("Dial *384*89598*1#.", "Dial ★", "The phone alphabet (GSM-7) does not have"),
        ("Dial *384*89598*1#.", "x" * 300, "limit_raised can take "),
        ("  limit_raised:", "  limit_rised:", "messages has no `limit_rised`."),
        ("most_parts: 2", "most_parts: many", "most_parts must be a number from 1 to 5."),
        ('from: "20:00"', 'from: "25:00"', 'from must be a time of day such as "20:00".'),
        ("{days: -3, say: due_soon}", "{days: -2, say: due_soon}", "three days running"),
        ("{days: -3, say: due_soon}", "{days: -3, say: limit_raised}", "A reminder can say"),
        ("{days: -3, say: due_soon}", "{days: soon, say: due_soon}", "days must be a number"),
        ("{days: -3, say: due_soon}", "{days: 0, say: due_soon}", "There are two reminders for day 0."),
        ("quiet:", "quite:", "sms.yaml has no `quite`."),
    ],
)
def test_each_fault_of_the_file_is_found(old: str, new: str, message: str) -> None:
    assert message in " ".join(found for *_, found in findings(old, new))


def test_a_language_that_is_missing_is_a_fault() -> None:
    sources = {**SOURCES, "service.yaml": SOURCES["service.yaml"].replace("[en, sw]", "[en, sw, so]")}
    problems = [each for each in service.load(sources)[1] if each.file == "sms.yaml"]
    assert len(problems) == len(NOTICES)
    assert "so" in problems[0].message


@pytest.mark.parametrize(
    ("hour", "minute", "over"),
    [(20, 0, 8), (23, 59, 8), (0, 0, 8), (7, 59, 8), (8, 0, None), (12, 0, None), (19, 59, None)],
)
def test_the_night_is_quiet_by_nairobis_clock(hour: int, minute: int, over: int | None) -> None:
    now = datetime(2026, 11, 23, hour, minute, tzinfo=UTC).astimezone(UTC)
    now = now.replace(hour=(hour - 3) % 24)  # Nairobi is three hours ahead
    until = Quiet().over_at(now)
    assert (until.hour if until else None) == over
    assert until is None or 0 < (until - now).total_seconds() <= 12 * 3600


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("KES 0.8000", 80),
        ("KES 1.6", 160),
        ("KES 0.8001", 81),
        ("0", 0),
        ("KES nan", 0),
        ("KES -1", 0),
        ("", 0),
    ],
)
def test_the_cost_is_cents_rounded_up(text: str, cents: int) -> None:
    assert cost_cents(text) == cents


def answer(**recipient: Any) -> str:
    told = {"statusCode": 101, "number": "+254700000001", "cost": "KES 0.8000", "messageId": "ATXid_1"}
    return orjson.dumps({"SMSMessageData": {"Message": "", "Recipients": [{**told, **recipient}]}}).decode()


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (201, answer(), Accepted("ATXid_1", 101, 80)),
        (200, answer(statusCode="102"), Accepted("ATXid_1", 102, 80)),
        (201, answer(statusCode=406, status="UserInBlacklist"), Refused(406, "UserInBlacklist", again=False)),
        (201, answer(statusCode=405, status="x"), Refused(405, "x", again=True)),
        (201, answer(messageId="None"), Unknown("accepted without an id")),
        (201, answer(statusCode="Infinity"), Unknown("HTTP 201 that makes no sense")),
        (201, "null", Unknown("HTTP 201 that makes no sense")),
        (201, "<html>", Unknown("HTTP 201 that makes no sense")),
        (401, "The supplied authentication is invalid", Refused(401, "HTTP 401", again=True)),
        (400, "", Refused(400, "HTTP 400", again=False)),
        (503, "", Unknown("HTTP 503")),
    ],
)
def test_only_an_answer_that_says_so_is_a_refusal(status: int, body: str, outcome: object) -> None:
    assert outcome_of(status, body) == outcome
