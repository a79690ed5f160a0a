"""A plain turn's way with a session's record, held against the engine's."""

import dataclasses
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_ext.builds import compiled, interpreted
from ussd_engine.sessions import Claim, Session, _write

WORDS = st.text(max_size=30) | st.sampled_from(
    ['","dialog":{"a":1}', "\\", '"', "\n", "CON 1", "\u20ac\U0001f4b8", "\x00\x7f", "a" * 70]
)
IDS = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), max_size=30)
NUMBERS = st.integers(0, 2**40)
VALUES = st.recursive(
    WORDS
    | st.integers(-(2**63), 2**64 - 1)
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(WORDS, values, max_size=3),
    max_leaves=6,
)
KEPT = ("state", "language", "vars", "history", "page", "note", "parked")  # in the order of Dialog.dump
DIALOGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"state": WORDS, "language": WORDS},
    optional={
        "vars": st.dictionaries(WORDS, VALUES, min_size=1, max_size=4),
        "history": st.lists(WORDS, min_size=1, max_size=3),
        "page": st.integers(1, 9),
        "note": WORDS.filter(bool),
        "parked": st.dictionaries(WORDS, VALUES, max_size=2),
    },
).map(lambda kept: {name: kept[name] for name in KEPT if name in kept})
SESSIONS = st.builds(
    Session, gateway=WORDS, session_id=IDS, bundle=st.from_regex("[0-9a-f]{12}", fullmatch=True),
    dialog=DIALOGS, consumed=st.integers(0, 600), digest=st.from_regex("[0-9a-f]{16}", fullmatch=True),
    reply=WORDS, more=st.just(True), turn=st.integers(0, 5000), started=NUMBERS, seen=NUMBERS,
)  # fmt: skip
BUILDS = (compiled, interpreted)


def read(core: Any, record: Any, stored: bytes, session: Session) -> Any:
    """The dialog of a record of this session's; None when it is not read as one."""
    if not record.read(stored, core.record.gateway_of(session.gateway), session.session_id.encode()):
        return None
    dialog = core.dialog.Dialog(None, {}, 0)
    try:
        record.restore(dialog)
    except ValueError:
        return None
    return dialog


def written(core: Any, record: Any, revision: str, now: int, reply: str, dialog: Any) -> bytes:
    to, rev = core.writer.Writer(), core.writer.Writer()
    rev.put(revision.encode())
    record.write(to, rev, str(now).encode(), reply, dialog)
    return bytes(to.taken())


@given(SESSIONS, st.booleans(), st.integers(0, 700), NUMBERS, WORDS, DIALOGS)
def test_a_record_is_read_and_written_as_the_engine_does(
    session: Session, more: bool, consumed: int, seen: int, reply: str, kept: dict[str, object]
) -> None:
    stored = _write(session, "rev1")
    after = dataclasses.replace(
        session, turn=session.turn + 1, consumed=consumed, digest="0" * 16, seen=seen, more=more, reply=reply,
        dialog=kept,
    )  # fmt: skip
    for build in BUILDS:
        core = build()
        record = core.record.Record()
        dialog = read(core, record, stored, session)
        assert dialog.dump() == session.dialog
        assert (record.bundle(), record.is_of(session.bundle.encode())) == (session.bundle, True)
        assert not record.is_of(session.bundle[:-1].encode())
        assert not record.is_of(session.bundle.encode() + b'"')
        assert (record.turn, record.consumed, record.seen) == (session.turn, session.consumed, session.seen)
        assert record.was(session.digest.encode())
        assert not record.was(b"x" * 16)
        expected = core.writer.Writer()
        record.expected(expected)
        assert expected.taken() == b'$13\r\n{"rev":"rev1"'
        expected.clear()
        record.whole(expected)
        assert expected.taken() == b"$%d\r\n%b" % (len(stored), stored)
        record.turn, record.consumed, record.digest = after.turn, consumed, after.digest.encode()
        record.more = more
        dialog.restore(kept)
        assert written(core, record, "rev2", seen, reply, dialog) == _write(after, "rev2")


@given(SESSIONS, NUMBERS, WORDS, DIALOGS)
def test_a_new_record_is_written_as_the_engine_does(
    session: Session, now: int, reply: str, kept: dict[str, object]
) -> None:
    fresh = Session(
        session.gateway, session.session_id, session.bundle, kept, 0, "f" * 16, reply, True, 1, now, now
    )
    for build in BUILDS:
        core = build()
        record = core.record.Record()
        record.fresh(
            core.record.gateway_of(session.gateway), session.session_id.encode(), session.bundle.encode(),
            str(now).encode(),
        )  # fmt: skip
        record.turn, record.consumed, record.digest, record.more = 1, 0, b"f" * 16, True
        dialog = core.dialog.Dialog(kept, {}, 0)
        assert written(core, record, "r", now, reply, dialog) == _write(fresh, "r")


@given(SESSIONS, IDS)
def test_nobody_elses_session_nor_one_that_is_over_or_claimed_is_read(session: Session, other: str) -> None:
    stored = _write(session, "r")
    for build in BUILDS:
        core = build()
        record = core.record.Record()
        if other != session.session_id:
            assert read(core, record, stored, dataclasses.replace(session, session_id=other)) is None
        assert read(core, record, _write(dataclasses.replace(session, more=False), "r"), session) is None
        claimed = dataclasses.replace(session, claim=Claim(0, "", 1))
        assert read(core, record, _write(claimed, "r"), session) is None


@settings(max_examples=25)
@given(SESSIONS)
def test_a_record_torn_or_changed_at_any_byte_is_never_read_as_something_else(session: Session) -> None:
    stored = _write(session, "r")
    for build in BUILDS:
        core = build()
        record = core.record.Record()
        for cut in range(len(stored)):
            assert read(core, record, stored[:cut], session) is None
            changed = stored[:cut] + b"\\" + stored[cut:]
            read(core, record, changed, session)  # whatever it says, it says it quietly


@given(st.binary(max_size=40), st.integers(0, 400), DIALOGS)
def test_a_dialog_of_other_bytes_is_read_as_orjson_would_or_not_at_all(
    noise: bytes, place: int, kept: dict[str, object]
) -> None:
    whole = orjson.dumps(kept)
    place %= len(whole)
    changed = whole[:place] + noise + whole[place + len(noise) :]
    for data in (whole, changed, whole[:place] + whole[place + 1 :]):
        for build in BUILDS:
            core = build()
            dialog = core.dialog.Dialog(None, {}, 0)
            reader = core.kept.Kept()
            if not reader.read(dialog, b"xx" + data + b"}}", 2, 2 + len(data)):
                continue
            other = core.dialog.Dialog(orjson.loads(data), {}, 0)
            assert dialog.dump() == other.dump()


def test_what_dialogs_are_is_read_without_orjson() -> None:
    kept = {
        "state": "amount", "language": "sw", "history": ["main", "why"], "page": 1, "note": "Try again.",
        "vars": {"amount": 50_000, "offer": {"ok": True, "days": [30, -7]}, "none": None, "no": False},
    }  # fmt: skip
    data = orjson.dumps({name: kept[name] for name in KEPT if name in kept})
    for build in BUILDS:
        core = build()
        dialog = core.dialog.Dialog(None, {}, 0)
        assert core.kept.Kept().read(dialog, data, 0, len(data))
        assert dialog.dump() == kept
