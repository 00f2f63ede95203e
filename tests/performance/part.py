"""What the parts of `make bench` have in common: what a part is given, and what it gives back to be shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


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


class Part(Protocol):
    """A module that measures."""

    def measure(self, options: Options) -> dict[str, Any]:
        """Its figures, as they are kept in the result file."""

    def tables(self, figures: dict[str, Any]) -> list[Table]:
        """The same as a person reads them."""

    def complaints(self, figures: dict[str, Any]) -> list[str]:
        """What does not hold; one is enough to fail the command."""
