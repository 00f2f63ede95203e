"""What the parts of `make bench` have in common: what a part is given, and what it gives back to be shown.

A part is a module with

    TITLE: str
    def measure(options: Options) -> dict[str, Any]: ...       its figures, as they are kept in the result file
    def tables(figures: dict[str, Any]) -> list[Table]: ...    the same in the terminal and on the page
    def charts(figures: dict[str, Any]) -> list[Chart]: ...
    def complaints(figures: dict[str, Any]) -> list[str]: ...  what does not hold; one is enough to fail the command
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Options:
    """How to measure."""

    seed: int
    quick: bool
    work: Path  # a folder that is deleted afterwards
    say: Callable[[str], None]  # progress, for a person


@dataclass(frozen=True)
class Table:
    """Cells are text as a person reads it."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """`series` is name → points. A point of bars is (category, value) or (category, value, lowest, highest); a point of
    lines is (x, y)."""

    title: str
    kind: Literal["bars", "lines"]
    x: str  # what the axis shows, with its unit
    y: str
    series: Mapping[str, Sequence[tuple[str | float, ...]]]
    log: frozenset[str] = field(default_factory=frozenset)  # which of "x" and "y" are logarithmic
    note: str = ""
