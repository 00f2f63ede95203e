"""`python -m tests.performance.bench`: measures part by part, and shows and keeps what is measured as soon as it is.

Progress is lines and no moving display: nothing else runs while something is measured.
"""

import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table as RichTable

from tests.performance import cold_start, race, scale, simulation, waves
from tests.performance.part import Options, Part, Table
from tests.performance.results import FILE, begin, write

# The short and quiet ones first: `scale` leaves the machine warm.
EVERYTHING: Mapping[str, Part] = {"waves": waves, "simulation": simulation, "race": race, "scale": scale}
PARTS: Mapping[str, Part] = {**EVERYTHING, "cold_start": cold_start}  # which has a command of its own


def measure(name: str, part: Part, results: dict[str, Any]) -> None:
    """The part's tables are on standard output afterwards, its figures in `results`."""
    began = time.monotonic()
    say(f"{name}, since {datetime.now().astimezone():%H:%M:%S}")
    with tempfile.TemporaryDirectory(prefix="nightfold-bench-", ignore_cleanup_errors=True) as work:
        options = Options(
            seed=results["seed"],
            quick=results["quick"],
            work=Path(work),
            say=lambda line: say(f"{time.monotonic() - began:7.1f} s  {line}"),
        )
        figures = part.measure(options)
    show(name, part.tables(figures))
    complaints = part.complaints(figures)
    for complaint in complaints:
        click.echo(f"DOES NOT HOLD  {name}: {complaint}")
    seconds = round(time.monotonic() - began, 3)
    results["parts"][name] = {"seconds": seconds, "complaints": complaints, "figures": figures}


def say(line: str) -> None:
    click.echo(line, err=True)


def show(name: str, tables: list[Table]) -> None:
    """As wide as they need to be where standard output is not a terminal."""
    console = Console(markup=False, highlight=False, emoji=False, width=None if sys.stdout.isatty() else 180)
    console.print(f"\n{name}", style="bold")
    for table in tables:
        drawn = RichTable(title=table.title, title_justify="left", title_style="", header_style="bold")
        for column, header in enumerate(table.headers):
            drawn.add_column(header, justify="right" if column else "left")
        for row in table.rows:
            drawn.add_row(*row)
        console.print()
        console.print(drawn)
        if table.note:
            console.print(table.note, style="dim")


def command(parts: Mapping[str, Part], into: Path, *, seed: int, quick: bool) -> int:
    """Measures, and gives the exit status: 1 where something does not hold."""
    results = begin(seed=seed, quick=quick)
    for name, part in parts.items():
        measure(name, part, results)
        write(results, into)
    click.echo(f"\nresults    {into / FILE}")
    return int(any(measured["complaints"] for measured in results["parts"].values()))


@click.command()
@click.option("--quick", is_flag=True, help="Fewer and smaller runs: does it work at all?")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws everything that is drawn.")
@click.option("--only", multiple=True, type=click.Choice([*PARTS]), help="Only this part; may be repeated.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".nightfold/bench"),
    show_default=True,
    help="Where the results are written.",
)
def main(quick: bool, seed: int, only: tuple[str, ...], into: Path) -> None:
    """Measures, prints tables, writes the figures. Exit status 1 where something does not hold."""
    chosen = {name: PARTS[name] for name in only or EVERYTHING}
    sys.exit(command(chosen, into, seed=seed, quick=quick))


if __name__ == "__main__":
    main()
