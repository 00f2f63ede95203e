"""How a part is shown, in the terminal and on the page alike."""

import re
from dataclasses import dataclass, field

from tests.performance.part import Chart, Table

NUMBER = re.compile(r"[^\w\s]{0,2}\s?\d")  # a sign before it, or a currency
NOTHING = re.compile(r"\W*")  # or a dash


@dataclass
class Shown:
    """A part as a person sees it."""

    title: str
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)


def is_numbers(table: Table, column: int) -> bool:
    """Whether every cell of the column begins as a number does, or is empty; the first column names the row."""
    cells = [row[column].strip() for row in table.rows if column < len(row)]
    numbers = [cell for cell in cells if len(cell) < 30 and NUMBER.match(cell)]
    return column > 0 and bool(numbers) and all(cell in numbers or NOTHING.fullmatch(cell) for cell in cells)


def spoken(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min"
