"""Large pages: asked for, and nothing is lost by it."""

from pathlib import Path

import pytest

from ussd_engine import huge_pages


def test_what_is_in_memory_is_the_same_afterwards() -> None:
    held = [bytes([number % 256]) * 1000 for number in range(20_000)]
    asked = huge_pages.ask()
    assert asked % (2 * 1024 * 1024) == 0
    assert all(each == bytes([number % 256]) * 1000 for number, each in enumerate(held))


def test_where_linux_is_not_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huge_pages, "_MAPS", tmp_path / "none")
    assert huge_pages.ask() == 0
