"""The journal: what was written is there after a crash, and one process writes it."""

from pathlib import Path

import pytest

from services.sandbox.journal import Journal
from ussd_engine.errors import UssdError


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append({"n": 1})
    journal.append({"n": 2})
    journal.close()
    assert list(Journal(tmp_path / "journal.jsonl").entries()) == [{"n": 1}, {"n": 2}]


def test_a_last_line_cut_short_is_taken_off_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"n":1}\n{"n":')
    journal = Journal(path)
    assert list(journal.entries()) == [{"n": 1}]
    journal.append({"n": 2})
    assert path.read_bytes() == b'{"n":1}\n{"n":2}\n'
    journal.close()


def test_a_line_that_is_not_json_is_said_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"n":1}\nnonsense\n')
    with pytest.raises(UssdError, match="line 2 is not JSON"):
        list(Journal(path).entries())


def test_two_sandboxes_do_not_write_one_journal(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(UssdError, match="Another sandbox writes"):
        Journal(tmp_path / "journal.jsonl")
    first.close()
    Journal(tmp_path / "journal.jsonl").close()
