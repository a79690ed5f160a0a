"""A plain turn's way with a session's record, held against the engine's."""

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_ext.builds import compiled, interpreted
from ussd_engine.sessions import Claim, Session, _write

WORDS = st.text(max_size=30) | st.sampled_from(
    ['","dialog":{"a":1}', "\\", '"', "\n", "CON 1", "\u20ac\U0001f4b8"]
)
NUMBERS = st.integers(0, 2**40)
DIALOGS = st.dictionaries(WORDS, WORDS | NUMBERS | st.lists(WORDS, max_size=3), max_size=4)
SESSIONS = st.builds(
    Session, gateway=WORDS, session_id=WORDS, bundle=st.from_regex("[0-9a-f]{12}", fullmatch=True),
    dialog=DIALOGS, consumed=st.integers(0, 600), digest=st.from_regex("[0-9a-f]{16}", fullmatch=True),
    reply=WORDS, more=st.just(True), turn=st.integers(0, 5000), started=NUMBERS, seen=NUMBERS,
)  # fmt: skip
BUILDS = (compiled, interpreted)


def owner(record: object, gateway: str, session_id: str) -> bytes:
    return record.owner_of(record.gateway_of(gateway), session_id)  # type: ignore[attr-defined, no-any-return]


@given(SESSIONS, st.booleans(), st.integers(0, 700), NUMBERS, WORDS, DIALOGS)
def test_a_record_is_read_and_written_as_the_engine_does(
    session: Session, more: bool, consumed: int, seen: int, reply: str, dialog: dict[str, object]
) -> None:
    stored = _write(session, "rev1")
    after = dataclasses.replace(
        session, turn=session.turn + 1, consumed=consumed, digest="0" * 16, seen=seen, more=more, reply=reply,
        dialog=dialog,
    )  # fmt: skip
    for build in BUILDS:
        module = build().record
        record = module.Record()
        assert record.read(stored, owner(module, session.gateway, session.session_id))
        assert stored.startswith(record.expected)
        assert record.expected == b'{"rev":"rev1"'
        found = (record.bundle, record.turn, record.consumed, record.digest.decode(), record.dialog)
        assert found == (session.bundle, session.turn, session.consumed, session.digest, session.dialog)
        record.turn, record.consumed, record.digest = after.turn, consumed, after.digest.encode()
        record.more = more
        assert module.written(record, b"rev2", str(seen).encode(), reply, dialog) == _write(after, "rev2")


@given(SESSIONS, NUMBERS, WORDS, DIALOGS)
def test_a_new_record_is_written_as_the_engine_does(
    session: Session, now: int, reply: str, dialog: dict[str, object]
) -> None:
    fresh = Session(
        session.gateway, session.session_id, session.bundle, dialog, 0, "f" * 16, reply, True, 1, now, now
    )
    for build in BUILDS:
        module = build().record
        record = module.Record()
        record.identity = module.identity_of(
            owner(module, session.gateway, session.session_id), session.bundle
        )
        record.turn, record.consumed, record.digest, record.more = 1, 0, b"f" * 16, True
        record.started = str(now).encode()
        assert module.written(record, b"r", record.started, reply, dialog) == _write(fresh, "r")


@given(SESSIONS, WORDS)
def test_nobody_elses_session_nor_one_that_is_over_or_claimed_is_read(session: Session, other: str) -> None:
    stored = _write(session, "r")
    for build in BUILDS:
        module = build().record
        ours = owner(module, session.gateway, session.session_id)
        if other != session.session_id:
            assert not module.Record().read(stored, owner(module, session.gateway, other))
        assert not module.Record().read(_write(dataclasses.replace(session, more=False), "r"), ours)
        claimed = dataclasses.replace(session, claim=Claim(0, "", 1))
        assert not reads(module, _write(claimed, "r"), ours)


@settings(max_examples=25)
@given(SESSIONS)
def test_a_record_torn_or_changed_at_any_byte_is_never_read_as_something_else(session: Session) -> None:
    stored = _write(session, "r")
    for build in BUILDS:
        module = build().record
        ours = owner(module, session.gateway, session.session_id)
        for cut in range(len(stored)):
            assert not reads(module, stored[:cut], ours)
            reads(module, stored[:cut] + b"\\" + stored[cut:], ours)  # whatever it says, it says it quietly


def reads(module: object, stored: bytes, ours: bytes) -> bool:
    try:
        return bool(module.Record().read(stored, ours))  # type: ignore[attr-defined]
    except ValueError:
        return False
