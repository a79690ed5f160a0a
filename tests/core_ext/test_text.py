"""Sizes of a screen and its pages, with gsm0338 as the oracle for septets."""

import itertools
import unicodedata

import gsm0338
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.core_ext.builds import Core

GSM = gsm0338.Codec()
ESCAPE = "\x1b"  # not a character of the alphabet: it announces one of the extension table


def septets(text: str) -> "int | None":
    """The length of a text in septets, by gsm0338; None when a character has none."""
    try:
        return len(GSM.encode(text)[0])
    except UnicodeEncodeError:
        return None


def ucs2_units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


def units(text: str) -> int:
    """Octets on the wire of a text, times eight sevenths when septets: a measure apart from core_ext's."""
    count = septets(text)
    return ucs2_units(text) * 16 if count is None else count * 7


GSM_TEXT = st.text(alphabet=[chr(i) for i in range(0x3000) if septets(chr(i)) and chr(i) != ESCAPE])
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters=ESCAPE))
WORDS = st.lists(st.text(alphabet="abcdefgh1234567890", min_size=1, max_size=12), min_size=1, max_size=80)


# -- sizes ---------------------------------------------------------------------------------------------


def test_every_character_of_unicode_costs_what_gsm0338_says(core: Core) -> None:
    wrong = []
    for code in itertools.chain(range(0xD800), range(0xE000, 0x30000)):
        expected = septets(chr(code))
        size = core.text.size(chr(code))
        if code != ord(ESCAPE) and size != ((expected, True) if expected else (ucs2_units(chr(code)), False)):
            wrong.append((hex(code), size, expected))
    assert wrong == []


def test_the_tables_have_128_and_10_places(core: Core) -> None:
    assert len(core.text.BASIC) == len(set(core.text.BASIC)) == 127  # and the escape
    assert all(septets(character) == 1 for character in core.text.BASIC)
    assert all(septets(character) == 2 for character in core.text.EXTENSION)
    assert len(core.text.EXTENSION) == 10


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", (0, True)),
        ("KES 5,000", (9, True)),
        ("€5", (3, True)),
        ("[a]", (5, True)),
        ("çava", (4, False)),
        ("Çava", (4, True)),
        ("😀", (2, False)),
        ("ok 😀", (5, False)),
        ("€ 😀", (4, False)),
        ("`", (1, False)),
    ],
)
def test_examples_of_sizes(core: Core, text: str, size: tuple[int, bool]) -> None:
    assert core.text.size(text) == size


@settings(max_examples=200, deadline=None)
@given(text=ANY_TEXT | GSM_TEXT)
def test_the_size_of_a_text_is_septets_or_ucs2_units(core: Core, text: str) -> None:
    expected = septets(text)
    assert core.text.size(text) == ((expected, True) if expected is not None else (ucs2_units(text), False))


@pytest.mark.parametrize(("septets_", "ucs2"), [(182, 80), (160, 70), (40, 17), (80, 35)])
def test_a_screen_of_septets_holds_so_many_ucs2_units(core: Core, septets_: int, ucs2: int) -> None:
    assert core.text.capacity(septets_, True) == septets_
    assert core.text.capacity(septets_, False) == ucs2
    assert core.text.fits("a" * septets_, septets_)
    assert not core.text.fits("a" * (septets_ + 1), septets_)
    assert core.text.fits("ж" * ucs2, septets_)
    assert not core.text.fits("ж" * (ucs2 + 1), septets_)
    assert not core.text.fits("😀" * (ucs2 // 2 + 1), septets_)


# -- characters outside the alphabet -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("‘it’s’ “here” – now — then…", "'it's' \"here\" - now - then..."),
        ("a\u00a0b\u202fc\td", "a b c d"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("5 × 3 − 1 • x", "5 x 3 - 1 - x"),
        ("Ñandú €5 [ok]", "Ñandú €5 [ok]"),
        ("жук 😀", "жук 😀"),
    ],
)
def test_typographic_characters_are_replaced_and_others_kept(core: Core, typed: str, plain: str) -> None:
    assert core.text.to_gsm(typed) == plain


@settings(max_examples=200, deadline=None)
@given(text=ANY_TEXT)
def test_to_gsm_never_makes_a_screen_need_ucs2_and_leaves_gsm_text_alone(core: Core, text: str) -> None:
    plain = core.text.to_gsm(text)
    assert core.text.to_gsm(plain) == plain
    if septets(text) is not None:
        assert plain == text
    assert set(core.text.outside(plain)) <= set(core.text.outside(text))


def test_outside_names_each_foreign_character_once_in_order(core: Core) -> None:
    assert core.text.outside("a ж b 😀 ж ç €") == "ж😀ç"
    assert core.text.outside("KES 5,000 [€]") == ""


# -- pages ---------------------------------------------------------------------------------------------

ALONE, FIRST, MIDDLE, LAST = "0:Back 00:Home", "98:More 0:Back 00:Home", "98:More 0:Back", "0:Back 00:Home"


def bodies(pages: list[str], first: str, middle: str, last: str) -> list[str]:
    """The pages without their footers, which are asserted to be there."""
    footers = [first, *[middle] * (len(pages) - 2), last]
    ends = [f"\n{footer}" if footer else "" for footer in footers]
    assert all(page.endswith(end) for page, end in zip(pages, ends, strict=True))
    return [page[: len(page) - len(end)] for page, end in zip(pages, ends, strict=True)]


def check_pages(core: Core, text: str, screen: int, footers: tuple[str, str, str, str]) -> None:
    """Every page fits, nothing is lost but the separators at the splits, and no word that could be
    whole is split."""
    pages = core.text.paginate(text, screen, *footers)
    assert all(units(page) <= screen * 7 + 7 for page in pages)
    assert all(core.text.fits(page, screen) for page in pages)
    if len(pages) == 1:
        assert pages == [f"{text}\n{footers[0]}" if footers[0] else text]
        return
    position = 0
    text = text.rstrip(" \n")
    for index, body in enumerate(found := bodies(pages, *footers[1:])):
        if index and not text.startswith(body, position):
            position += 1
            assert text[position - 1] in " \n"
        assert text.startswith(body, position)
        position += len(body)
        assert body
        if index + 1 < len(found) and text[position] not in " \n" and not text[position - 1].isspace():
            word_start = max(text.rfind(" ", 0, position), text.rfind("\n", 0, position)) + 1
            assert not text[position - len(body) : word_start].strip(), "a word is split that had room"
    assert position == len(text)


@settings(max_examples=200, deadline=None)
@given(
    words=WORDS,
    breaks=st.lists(st.sampled_from([" ", " ", "\n"]), min_size=80, max_size=80),
    screen=st.integers(40, 182),
    footers=st.sampled_from([(ALONE, FIRST, MIDDLE, LAST), ("", "98:M", "98:M", "")]),
)
@example(words=["ab", "abcdefghijkl"], breaks=["\n"] * 80, screen=40, footers=(ALONE, FIRST, MIDDLE, LAST))
def test_pages_fit_and_hold_every_word_whole(
    core: Core, words: list[str], breaks: list[str], screen: int, footers: tuple[str, str, str, str]
) -> None:
    text = "".join(itertools.chain.from_iterable(zip(words, breaks, strict=False))).strip()
    check_pages(core, text, screen, footers)
    found = "\n".join(core.text.paginate(text, screen, *footers)).split()
    if screen >= 60:
        assert [word for word in found if word in words or word not in " ".join(footers)] == words


@settings(max_examples=200, deadline=None)
@given(
    text=ANY_TEXT | GSM_TEXT | st.text(alphabet="ab €ж😀\n", min_size=60, max_size=400),
    screen=st.integers(80, 182),
)
@example(text="x" * 159 + " ", screen=160)
@example(text="x" * 150 + "\n\n", screen=160)
@example(text="😀" * 200, screen=160)
@example(text=" 00000000000000𐀀𐀀𐀀", screen=80)
def test_pages_of_any_text_fit_and_lose_nothing(core: Core, text: str, screen: int) -> None:
    check_pages(core, text, screen, (ALONE, FIRST, MIDDLE, LAST))


def test_a_text_that_fits_is_one_page(core: Core) -> None:
    assert core.text.paginate("a" * 160, 160) == ["a" * 160]
    assert core.text.paginate("a" * 145, 160, ALONE) == ["a" * 145 + "\n" + ALONE]


def test_a_split_prefers_a_line_end_and_then_a_word_end(core: Core) -> None:
    lines = "Main menu\n1. Apply for a loan\n2. My loan status\n3. Repay"
    assert core.text.paginate(lines, 40, "", "98:More", "98:More", "") == [
        "Main menu\n1. Apply for a loan\n98:More",
        "2. My loan status\n3. Repay",
    ]
    sentence = "You can borrow up to KES 5,000 today and repay it in thirty days"
    assert core.text.paginate(sentence, 40, "", "98:More", "98:More", "") == [
        "You can borrow up to KES 5,000\n98:More",
        "today and repay it in thirty days",
    ]


def test_a_word_longer_than_a_page_is_split_between_characters(core: Core) -> None:
    pages = core.text.paginate("A" * 100, 48, "", "98:More", "98:More", "")
    assert pages == ["A" * 40 + "\n98:More", "A" * 40 + "\n98:More", "A" * 20]


def test_a_surrogate_pair_is_never_split(core: Core) -> None:
    pages = core.text.paginate("😀" * 100, 160, "", "98:More", "98:More", "")
    assert all(unicodedata.category(c) != "Cs" for page in pages for c in page)
    assert "".join(page.removesuffix("\n98:More") for page in pages) == "😀" * 100


def test_footers_that_leave_no_room_are_refused(core: Core) -> None:
    with pytest.raises(ValueError, match="no room beside its footer"):
        core.text.paginate("word " * 20, 40, "f" * 35, "f" * 35, "f" * 35, "f" * 35)
