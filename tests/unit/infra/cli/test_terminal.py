"""Text from a model or the network is shown on a terminal, and never controls it."""

import io
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cli.main import main
from infra.cli.terminal import fitted, pasteable, table, visible, width_of
from nightfold.storage import memory_key, results_key
from tests.support.stored_runs import partial
from tests.unit.infra.cli.test_report_pages import RUN, as_files


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


@pytest.mark.parametrize(
    "command",
    [
        ("results",),
        ("results", "--format", "markdown"),
        ("misses",),
        ("memory", "harbour"),
        ("memory", "harbour", "--forget", "--yes"),
        ("memory", "meadow31"),
    ],
    ids=" ".join,
)
def test_names_in_a_copied_state_directory_do_not_control_the_terminal(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = as_files(tmp_path, partial()) / results_key(RUN, "harbour")
    shutil.copy(results, results.with_name("\x1b[31mharbour.json"))
    for key in (memory_key("harbour", "\x1b[31m"), memory_key("meadow\x1b[31m", "x"), "queues/MissQueue/\x1b[31m.json"):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_text("?")
    main([*command, "--state-dir", str(tmp_path)])
    printed = "".join(capsys.readouterr())
    assert "[31m" in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("cleaned", [visible, pasteable])
@given(text=st.text(max_size=300), limit=st.integers(1, 80))
def test_any_text_becomes_one_bounded_line_without_control_characters(
    cleaned: Callable[[str, int], str], text: str, limit: int
) -> None:
    shown = cleaned(text, limit)
    assert len(shown) <= limit
    assert not [each for each in shown if unicodedata.category(each)[0] == "C"]
    assert len(shown.splitlines()) <= 1


def test_only_the_spaces_of_what_may_be_pasted_are_kept() -> None:
    assert pasteable("a  b\n\tc \x1b[0m") == "a  b c [0m"


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
