"""What the parts of `make bench` have in common: what a part is given, and what it gives back to be shown.

A part is a module with

    def measure(options: Options) -> dict[str, Any]: ...       its figures, as they are kept in the result file
    def tables(figures: dict[str, Any]) -> list[Table]: ...    the same as a person reads them
    def complaints(figures: dict[str, Any]) -> list[str]: ...  what does not hold; one is enough to fail the command
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


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
