"""`python -m tests.performance.bench`: measures part by part, and keeps what is measured as soon as it is.

Progress is lines and no moving display: nothing else runs while something is measured.
"""

import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import cast

import click
from rich.console import Console
from rich.table import Table as RichTable

from tests.performance.part import Options, Part, Table
from tests.performance.results import FILE, Results, as_kept, begin, write


def module(name: str) -> Part:
    return cast(Part, import_module(f"tests.performance.{name}"))


# The short and quiet ones first: `scale` leaves the machine warm.
PARTS: Mapping[str, Callable[[], Part]] = {
    name: partial(module, name) for name in ("waves", "simulation", "race", "scale")
}


def run(parts: Mapping[str, Callable[[], Part]], results: Results, folder: Path) -> tuple[dict[str, list[Table]], bool]:
    """Measures into `results`, and writes them after each part.

    A part that raises is a complaint, and the next one is measured. Ctrl-C is the end of measuring: the second value is
    whether it came.
    """
    shown: dict[str, list[Table]] = {}
    for number, (name, find) in enumerate(parts.items(), 1):
        began = time.monotonic()
        say(f"{name}, {number} of {len(parts)}, since {datetime.now().astimezone():%H:%M:%S}")
        complaints = results.complaints.setdefault(name, [])
        try:
            shown[name] = _measured(name, find, results)
        except KeyboardInterrupt:
            complaints.append("interrupted")
            return shown, True
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            complaints.append(f"broke off: {type(error).__name__}: {error}")
        finally:
            results.seconds[name] = round(time.monotonic() - began, 3)
            write(results, folder)
            found = f", {len(complaints)} to complain about" if complaints else ""
            say(f"{name} took {spoken(results.seconds[name])}{found}")
    return shown, False


def _measured(name: str, find: Callable[[], Part], results: Results) -> list[Table]:
    began = time.monotonic()
    part = find()
    with tempfile.TemporaryDirectory(prefix="nightfold-bench-", ignore_cleanup_errors=True) as work:
        options = Options(
            seed=results.seed,
            quick=results.quick,
            work=Path(work),
            say=lambda line: say(f"  {spoken(time.monotonic() - began):>7}  {line}"),
        )
        figures = results.parts[name] = as_kept(part.measure(options))
    results.complaints[name] += part.complaints(figures)
    return part.tables(figures)


def say(line: str) -> None:
    click.echo(line, err=True)


def print_tables(shown: Mapping[str, list[Table]]) -> None:
    """On standard output; as wide as they need to be where that is no terminal."""
    console = Console(markup=False, highlight=False, emoji=False, width=None if sys.stdout.isatty() else 180)
    for name, tables in shown.items():
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


def spoken(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min"


def command(parts: Mapping[str, Callable[[], Part]], results: Results, into: Path) -> int:
    """Measures, and says what came of it. Gives the exit status: 1 where something does not hold, 130 after Ctrl-C."""
    into.mkdir(parents=True, exist_ok=True)
    shown, interrupted = run(parts, results, into)
    print_tables(shown)
    click.echo(f"\nresults    {into / FILE}")
    for name, complaints in results.complaints.items():
        for complaint in complaints:
            click.echo(f"DOES NOT HOLD  {name}: {complaint}")
    if interrupted:
        left = [name for name in parts if name not in results.parts]
        say(f"Interrupted. Kept is what was measured; not measured: {', '.join(left) or 'nothing'}.")
        return 130
    return 0 if results.holds else 1


@click.command()
@click.option("--quick", is_flag=True, help="Fewer and smaller runs: does it work at all?")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws everything that is drawn.")
@click.option("--only", multiple=True, type=click.Choice(list(PARTS)), help="Only this part; may be repeated.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".nightfold/bench"),
    show_default=True,
    help="Where the results are written.",
)
def main(quick: bool, seed: int, only: tuple[str, ...], into: Path) -> None:
    """Measures, prints tables, writes the figures. Exit status 1 where something does not hold."""
    chosen = {name: find for name, find in PARTS.items() if not only or name in only}
    sys.exit(command(chosen, begin(seed=seed, quick=quick), into))


if __name__ == "__main__":
    main()
