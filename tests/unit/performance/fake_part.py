"""A part of `make bench` that measures nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.performance.part import Options, Table


@dataclass
class FakePart:
    """Gives back what it was made with; an exception is raised instead."""

    figures: dict[str, Any] | BaseException
    found: Sequence[str] = ()
    shown_tables: Sequence[Table] = ()
    given: list[Options] = field(default_factory=list)

    def measure(self, options: Options) -> dict[str, Any]:
        self.given.append(options)
        options.say("at it")
        if isinstance(self.figures, BaseException):
            raise self.figures
        return self.figures

    def tables(self, figures: dict[str, Any]) -> list[Table]:
        return list(self.shown_tables) or [Table("Figures", ["figure"], [[key] for key in figures])]

    def complaints(self, _: dict[str, Any]) -> list[str]:
        return list(self.found)

    def __call__(self) -> "FakePart":
        return self
