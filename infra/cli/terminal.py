"""Text for a person's terminal. What came from a model or the network shows, and never acts."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from rich.cells import cell_len, set_cell_size

from nightfold.text import one_line

STATE_DIR = Path(".nightfold")  # where the options say nothing else


def visible(text: object, limit: int = 1_000) -> str:
    """What can be seen of `text`, on one line of at most `limit` characters."""
    return one_line(str(text), limit)


def fitted(line: str, width: int | None) -> str:
    """The line, cut to `width` columns; None is no limit."""
    if width is None or cell_len(line) <= width:
        return line
    return f"{set_cell_size(line, width - 1).rstrip()}…"


def table(rows: Iterable[Sequence[object]], width: int | None = None) -> list[str]:
    """Aligned columns; the last one takes what is left of `width`. The first row is the head."""
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return [
        fitted("  ".join(map(set_cell_size, row[:-1], widths)) + f"  {row[-1]}".rstrip(), width).rstrip()
        for row in cells
    ]


def width_of(stream: IO[str]) -> int | None:
    """The columns of the terminal behind `stream`; None where there is no terminal."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80 if stream.isatty() else None
    except (OSError, ValueError):  # a stream of a test has no file
        return None


def duration(seconds: float) -> str:
    """Seconds in the largest unit that says something: 12 s, 3 min, 5 h, 2 d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def dollars(usd: float | None) -> str:
    if usd is None:
        return "a cost that is not known (the model has no price here)"
    return f"${usd:,.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.4f}"


def price(usd: float | None, *, simulated: bool) -> str:
    """What was spent; of a simulated run what real answers would have cost, so that the two are never confused."""
    return f"nothing (simulated; real: about {dollars(usd)})" if simulated else dollars(usd)


def counted(number: int, noun: str) -> str:
    """`1 site`, `2 sites`, `2 misses`."""
    plural = f"{noun}es" if noun.endswith(("s", "ch")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def to_stdout(lines: Iterable[str]) -> None:
    """What was asked for."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def to_stderr(line: str) -> None:
    """What a person should know besides."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
