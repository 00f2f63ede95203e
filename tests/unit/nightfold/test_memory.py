"""nightfold/memory.py: which headings are the same, and which of them a prompt is told."""

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightfold.memory import KEPT, TOLD_BYTES, Memory, fitting, known_as, read_memory
from tests.unit.examples import STARTED

SCRIPTS = st.sampled_from(["Latin", "Größe", "ΐ Ϊ́", "हिन्दी में लेख", "สวัสดี", "한국어", "港の話", "ﬁne", "Ⅷ", "עִבְרִית"])
HEADINGS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40) | SCRIPTS


def remembered(*headings: str, run_id: str = "r", days: int = 0, simulated: bool = False) -> Memory:
    return Memory().with_run(run_id, STARTED + timedelta(days=days), headings, simulated=simulated)


# --- the same heading ---------------------------------------------------------------------------------------------


@given(HEADINGS)
@example("ΐ")
def test_case_and_the_form_of_unicode_make_no_other_heading(heading: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert known_as(unicodedata.normalize(form, heading)) == known_as(heading)
    assert known_as(heading.casefold()) == known_as(heading)


@given(HEADINGS.filter(lambda heading: any(each.isalnum() for each in heading)), st.data())
def test_punctuation_and_spacing_make_no_other_heading(heading: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(heading)))
    noise = data.draw(st.text(st.sampled_from(" \u00a0\u3000-\u2013\u2014.,:;!?'\"“”«»()[]…、。`"), max_size=5))
    # Not inside a letter: an accent that stands alone becomes another character.
    while place < len(heading) and unicodedata.combining(heading[place]):
        place += 1
    changed = heading[:place] + noise + heading[place:]
    if unicodedata.normalize("NFKC", heading[:place]) + unicodedata.normalize(
        "NFKC", heading[place:]
    ) == unicodedata.normalize("NFKC", heading):
        assert known_as(changed) == known_as(heading)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ten tips for C++", "Ten tips for C", False),
        ("किताब", "कुताब", False),  # vowel signs are marks and make another word
        ("กา", "กี", False),
        ("résumé", "resume", False),
        ("Part 1", "Part 2", False),
        ("!!!", "???", False),
        ("The `make` file", "the make-file", True),
        ("Straße", "STRASSE", True),
        ("ﬁne", "FINE", True),
        ("Cafe\u0301", "café", True),
        ("\uff21\uff30\uff29", "api", True),
        ("on\u200bcall", "on-call", True),
    ],
)
def test_headings_are_the_same_where_a_reader_takes_them_for_the_same(one: str, other: str, same: bool) -> None:
    assert (known_as(one) == known_as(other)) == same


# --- a run and the others -----------------------------------------------------------------------------------------


def test_a_run_never_finds_its_own_headings() -> None:
    memory = remembered("One", "Two", run_id="a").with_run("b", STARTED, ["TWO!", "Three"], simulated=False)
    assert memory.known("c", simulated=False) == {"one", "two", "three"}
    assert memory.known("a", simulated=False) == {"three"}
    assert memory.known("b", simulated=False) == {"one"}
    assert memory.known("c", simulated=True) == set()


@given(st.lists(st.sampled_from("abcdef"), max_size=4), st.lists(st.sampled_from("abcdef"), max_size=4))
def test_to_remember_a_run_twice_is_to_remember_it_once(first: list[str], second: list[str]) -> None:
    memory = remembered("One", run_id="earlier").with_run("r", STARTED, first, simulated=False)
    memory = memory.with_run("later", STARTED + timedelta(days=1), second, simulated=False)
    assert memory.with_run("r", STARTED, first, simulated=False) == memory
    assert read_memory(memory.model_dump_json().encode()) == memory


def test_a_run_that_is_closed_late_stands_where_it_began() -> None:
    memory = remembered("Tuesday", run_id="tuesday", days=1).with_run("monday", STARTED, ["Monday"], simulated=False)
    assert memory.earlier(9, simulated=False) == ["Tuesday", "Monday"]


def test_simulated_and_real_memories_are_apart() -> None:
    memory = remembered("Real").with_run("r", STARTED, ["Simulated"], simulated=True)
    assert memory.earlier(9, simulated=True) == ["Simulated"]
    assert memory.earlier(9, simulated=False) == ["Real"]


def test_the_oldest_are_forgotten() -> None:
    memory = remembered(*map(str, range(KEPT))).with_run("s", STARTED, ["new"], simulated=False)
    assert len(memory.real) == KEPT
    assert (memory.real[0].heading, memory.real[-1].heading) == ("1", "new")


# --- what a prompt is told ----------------------------------------------------------------------------------------


def test_a_prompt_is_told_the_newest_and_no_more_than_asked_for() -> None:
    memory = remembered("1", "2", "3", "4")
    assert memory.earlier(2, simulated=False) == ["4", "3"]
    assert memory.earlier(0, simulated=False) == []


@given(st.lists(st.text(max_size=200)))
def test_what_a_prompt_is_told_has_room_in_it(headings: list[str]) -> None:
    told = fitting(headings)
    assert len("".join(f"- {heading}\n" for heading in told).encode("utf-8", "surrogatepass")) <= TOLD_BYTES
    assert told == [heading for heading in dict.fromkeys(headings) if heading in told]


def test_a_heading_that_is_too_long_for_a_prompt_hides_none_of_the_others() -> None:
    assert remembered("older", "港" * 1_000).earlier(9, simulated=False) == ["older"]


@pytest.mark.parametrize("document", [b"", b"[]", b"\xff", b'{"real": [{}]}', b'{"schema_version": 2}', b"[" * 9_999])
def test_a_damaged_memory_is_recognized(document: bytes) -> None:
    assert read_memory(document) is None
    assert read_memory(None) == Memory()
