"""nightfold/text.py: what may be seen, and what may be stored."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightfold.text import one_line, unlinked, visible_line
from tests.support.links import LINKS, LINKS_AND_NONE, NO_LINKS

SEEN = [
    "plain words",
    "Häfen und Gärten",
    "港の記事",
    "𠮷野家",
    "quoted “so” and…",
    "Ship it 🚢",
    "I ❤️ logs ✈︎",
    "Step 1️⃣ of 2",
    "👩‍💻 at work, 👩🏽‍🚒 and ❤️‍🔥 too",
    "می‌خواهم",
    "ক্‍ষ",
    "നന്‍ദി",
    "שלום",
]
HIDDEN = [
    *map(chr, [*range(0x20), *range(0x7F, 0xA0)]),
    *map(chr, [*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xAD, 0x61C, 0x180E]),
    *map(chr, [0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0]),
    *map(chr, [*range(0xFE00, 0xFE10), *range(0xE0000, 0xE01F0), 0x1D173, 0x1BCA0, 0xFFF9, 0xE000, 0x10FFFF, 0x378]),
    "\ud800",
    "\udfff",
]


@pytest.mark.parametrize("text", SEEN)
def test_what_can_be_read_in_any_script_is_kept(text: str) -> None:
    assert one_line(text) == visible_line(text) == text


def test_what_acts_or_hides_is_refused_where_it_is_stored_and_dropped_where_it_is_shown() -> None:
    assert len(HIDDEN) > 600
    for character in HIDDEN:
        assert one_line(f"a{character}b") == "a b", ascii(character)
        assert one_line(character) == "", ascii(character)
        if character.isspace():  # one line of them: white space is folded
            assert visible_line(f"a{character}b") == "a b"
            continue
        for text in (f"a{character}b", f"a {character}", f"{character}a", f"a{character * 2}b"):
            with pytest.raises(ValueError, match=f"U\\+{ord(character):04X}"):
                visible_line(text)


@pytest.mark.parametrize("text", ["می‌‌خ", "❤️️", "👩‍‍💻", "👩‍a", "a‍💻", "1️", "💻‍"])
def test_a_joiner_or_a_selector_that_joins_or_selects_nothing_is_hidden(text: str) -> None:
    with pytest.raises(ValueError, match="must not hold"):
        visible_line(text)
    assert len(one_line(text)) < len(text) or " " in one_line(text)


@given(st.text(), st.integers(1, 700))
def test_one_line_is_one_visible_line_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert not {unicodedata.category(each) for each in line} & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    line.encode()  # no lone surrogates


_ANY = st.text(
    st.characters() | st.sampled_from("\u200c\u200d\ufe0e\ufe0f\u20e3👩💻❤1#می\u2800\u3164 "), min_size=1, max_size=900
)


@given(_ANY)
def test_one_line_is_the_same_when_it_is_applied_twice(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)


@given(_ANY)
def test_what_is_stored_is_shown_as_it_is(text: str) -> None:
    try:
        stored = visible_line(text)
    except ValueError:
        return
    assert one_line(stored, 900) == stored


def test_a_cut_line_ends_with_an_ellipsis_and_no_loose_joiner() -> None:
    assert one_line("x" * 1_000_000, 10) == "xxxxxxxxx…"
    assert one_line("a👩‍💻b", 4) == "a👩…"
    assert one_line("\n" * 1_000 + "late", 10) == "…"


@pytest.mark.parametrize(("text", "shown"), LINKS.items())
def test_what_would_become_a_link_is_broken(text: str, shown: str) -> None:
    assert unlinked(text) == shown


@pytest.mark.parametrize("text", NO_LINKS)
def test_what_makes_no_link_stays(text: str) -> None:
    assert unlinked(text) == text


def test_breaking_links_twice_changes_nothing_more() -> None:
    for text in LINKS_AND_NONE:
        assert unlinked(unlinked(text)) == unlinked(text)
