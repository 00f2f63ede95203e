"""Text for the terminal. Text from a model or the network is shown, and never controls the terminal."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import click
from rich.cells import cell_len, set_cell_size

from nightfold.text import one_line

STATE_DIR = Path(".nightfold")  # the default of --state-dir
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tabs and ends of lines


def visible(text: object, limit: int = 1_000) -> str:
    """The visible characters of `text`, on one line of at most `limit` characters."""
    return one_line(str(text), limit)


def pasteable(text: str, limit: int = 1_000) -> str:
    """The same with each space kept, for a text with a command or a path that the user may paste."""
    line = " ".join(visible(word, limit) for word in text[: limit * 4].split(" "))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def fitted(line: str, width: int | None) -> str:
    """The line, cut to `width` columns. None means no limit."""
    if width is None or cell_len(line) <= width:
        return line
    return f"{set_cell_size(line, width - 1).rstrip()}…"


def table(rows: Iterable[Sequence[object]], width: int | None = None) -> list[str]:
    """Aligned columns; the last one takes the remaining `width`. The first row is the heading."""
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return [
        fitted("  ".join(map(set_cell_size, row[:-1], widths)) + f"  {row[-1]}".rstrip(), width).rstrip()
        for row in cells
    ]


def confirmed(command: str, question: str) -> bool:
    """Whether the user says yes. Raises InvalidInput if stdin is not a terminal."""
    if not sys.stdin.isatty():
        from nightfold.errors import InvalidInput  # not needed to print

        raise InvalidInput(f"{command}: stdin is not a terminal, so nothing can be confirmed; add --yes")
    return click.confirm(_harmless(question), err=True)


def width_of(stream: IO[str]) -> int | None:
    """The width of the terminal that `stream` writes to. None if it is not a terminal."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80 if stream.isatty() else None
    except (OSError, ValueError):  # a stream without a file, such as io.StringIO
        return None


def to_stdout(lines: Iterable[str]) -> None:
    """Print the result of a command."""
    sys.stdout.write(_harmless("".join(f"{line}\n" for line in lines)))
    sys.stdout.flush()


def to_stderr(line: str) -> None:
    """Print progress, a hint or an error."""
    sys.stderr.write(_harmless(f"{line}\n"))
    sys.stderr.flush()


def _harmless(text: str) -> str:
    """The last guard, where a command forgot `visible`, as for the names of files in a copied state directory."""
    return _CONTROLS.sub(" ", text)
