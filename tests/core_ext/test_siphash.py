"""SipHash-2-4 against the vectors of its authors (key 00 01 … 0f, the first so many bytes 00 01 …)."""

import pytest

from tests.core_ext.builds import Core

VECTORS = {
    0: "726fdb47dd0e0e31", 1: "74f839c593dc67fd", 2: "0d6c8009d9a94f5a", 7: "ab0200f58b01d137",
    8: "93f5f5799a932462", 15: "a129ca6149be45e5",
}  # fmt: skip


@pytest.mark.parametrize("length", VECTORS)
def test_a_digest_is_what_the_paper_says(core: Core, length: int) -> None:
    keyed = core.siphash.Keyed(bytes(range(16)))
    assert keyed.digest(bytes(range(length)).decode()) == VECTORS[length]


def test_both_builds_agree_on_any_text(both: tuple[Core, Core]) -> None:
    compiled, interpreted = (core.siphash.Keyed(b"0123456789abcdef") for core in both)
    for text in ("", "1*500", "x" * 63, "x" * 64, "pin 1234", "\u017b\u00f3\u0142w \U0001f4b8" * 9):
        assert compiled.digest(text) == interpreted.digest(text)


def test_another_key_is_another_digest(core: Core) -> None:
    one, other = core.siphash.Keyed(bytes(16)), core.siphash.Keyed(bytes([1] + [0] * 15))
    assert one.digest("1234") != other.digest("1234")


def test_a_key_of_another_length_is_refused(core: Core) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        core.siphash.Keyed(bytes(15))
