"""Text from a model or the network is shown on a terminal, and never controls it."""

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cli.terminal import fitted, table, visible, width_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("it\u2019s \u201cfine\u201d \u2013 really \U0001f331", "it\u2019s \u201cfine\u201d \u2013 really \U0001f331"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("\x1b]0;title\x07", "]0;title"),
        ("two\nlines\r\nand\ttabs", "two lines and tabs"),
        ("\u202eevil", "evil"),
        ("\u2066a\u2069\u200b\ufeffb", "a b"),
        ("\u2028line\u2029paragraph", "line paragraph"),
        ("\x9b31mC1", "31mC1"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("[bold]markup[/bold] stays", "[bold]markup[/bold] stays"),
        (None, "None"),
    ],
)
def test_only_visible_characters_are_shown(text: object, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(max_size=300), st.integers(1, 80))
def test_any_text_becomes_one_bounded_line_without_control_characters(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert len(shown) <= limit
    assert not [each for each in shown if unicodedata.category(each)[0] == "C"]
    assert len(shown.splitlines()) <= 1


def test_a_megabyte_is_cut_before_it_is_looked_at() -> None:
    assert visible("x" * 1_000_000, 10) == "xxxxxxxxx…"


def test_a_line_is_cut_by_columns_and_not_by_characters() -> None:
    assert fitted("\u6f22\u5b57\u6f22\u5b57", 5) == "\u6f22\u5b57…"
    assert fitted("short", 5) == "short"
    assert fitted("anything at all", None) == "anything at all"


def test_columns_are_aligned_and_the_last_takes_the_remaining_width() -> None:
    assert table([("A", "B"), ("longer", "text that goes on"), ("x", "")], width=12) == [
        "A       B",
        "longer  tex…",
        "x",
    ]


def test_a_stream_without_a_terminal_has_no_width() -> None:
    assert width_of(io.StringIO()) is None
