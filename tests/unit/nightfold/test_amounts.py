"""nightfold/amounts.py: dollars, counts and durations, the same on the page, in the message and in the terminal."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightfold.amounts import counted, dollars, duration, price

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        (0.0, "$0.00"),
        (0.0079, "$0.0079"),
        (0.0345, "$0.0345"),
        (0.09999, "$0.10"),
        (0.42, "$0.42"),
        (88.2, "$88.20"),
        (1_234.5, "$1,234.50"),
        (None, "an unknown amount (this model has no price here)"),
    ],
)
def test_small_sums_keep_their_digits(usd: float | None, words: str) -> None:
    assert dollars(usd) == words


def test_what_was_only_simulated_was_not_spent() -> None:
    assert price(0.0345, simulated=False) == "$0.0345"
    assert price(0.0345, simulated=True) == "nothing (simulated; real: about $0.0345)"


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (0, "site", "0 sites"),
        (1, "site", "1 site"),
        (1_000, "site", "1,000 sites"),
        (1, "more miss", "1 more miss"),
        (258, "more site", "258 more sites"),
        (2, "miss", "2 misses"),
        (3, "branch", "3 branches"),
        (2, "entry", "2 entries"),
        (2, "essay", "2 essays"),
        (2, "box", "2 boxes"),
    ],
)
def test_a_count_speaks_english(number: int, noun: str, words: str) -> None:
    assert counted(number, noun) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (0.84, "0.8 s"),
        (8, "8 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (200, "3 min 20 s"),
        (3_599.8, "1 h"),
        (7_500, "2 h 5 min"),
        (18_000, "5 h"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@given(st.floats(0, 60 * 86_400 - 1))
def test_no_duration_has_sixty_of_anything(seconds: float) -> None:
    assert "60" not in duration(seconds).split()
    assert "24 h" not in duration(seconds)


def test_nothing_else_formats_dollars() -> None:
    """A second formatter would show another figure for the same sum."""
    files = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "infra" / "cli").glob("*.py")]
    assert len(files) > 50
    for file in files:
        if file.name == "amounts.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                texts = [part.value for part in node.values if isinstance(part, ast.Constant)]
                assert not any(str(text).endswith("$") for text in texts), f"{file}:{node.lineno}"
