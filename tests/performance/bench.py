"""`python -m tests.performance.bench`: measures part by part, and keeps what is measured as soon as it is.

Progress is lines and no moving display: nothing runs beside what is being measured.
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
from typing import Any, Protocol, cast

import click
from rich.console import Console
from rich.table import Table as RichTable

from tests.performance.part import Chart, Options, Table
from tests.performance.results import NEWEST, NoResults, Results, as_kept, begin, read, write
from tests.performance.shown import Shown, is_numbers, spoken

PAGE = "index.html"


class Part(Protocol):
    """See tests.performance.part."""

    TITLE: str

    def measure(self, options: Options) -> dict[str, Any]: ...
    def tables(self, figures: dict[str, Any]) -> list[Table]: ...
    def charts(self, figures: dict[str, Any]) -> list[Chart]: ...
    def complaints(self, figures: dict[str, Any]) -> list[str]: ...


def module(name: str) -> Part:
    return cast(Part, import_module(f"tests.performance.{name}"))


# The short and quiet ones first: `scale` leaves the machine warm.
PARTS: Mapping[str, Callable[[], Part]] = {
    name: partial(module, name) for name in ("overhead", "shape", "pressure", "waves", "race", "scale")
}


def run(
    parts: Mapping[str, Callable[[], Part]], results: Results, folder: Path, earlier: Mapping[str, float]
) -> tuple[dict[str, Shown], bool]:
    """Measures into `results`, and writes them after each part; the page comes at the end, whatever happens.

    A part that raises is a complaint, and the next one is measured. Ctrl-C is the end of measuring: the second value is
    whether it came. `earlier` is how long each part took the last time, in seconds.
    """
    interrupted = False
    shown: dict[str, Shown] = {}
    try:
        for number, (name, find) in enumerate(parts.items(), 1):
            began = time.monotonic()
            last = f", took {spoken(earlier[name])} the last time" if name in earlier else ""
            say(f"{name}, {number} of {len(parts)}, since {datetime.now().astimezone():%H:%M:%S}{last}")
            complaints = results.complaints.setdefault(name, [])
            try:
                shown[name] = _measured(name, find, results)
            except KeyboardInterrupt:
                complaints.append("interrupted")
                interrupted = True
                break
            except (Exception, SystemExit) as error:
                traceback.print_exc()
                complaints.append(f"broke off: {type(error).__name__}: {error}")
            finally:
                results.seconds[name] = round(time.monotonic() - began, 3)
                write(results, folder)
                found = f", {len(complaints)} to complain about" if complaints else ""
                say(f"{name} took {spoken(results.seconds[name])}{found}")
    finally:
        from tests.performance.page import render  # matplotlib is not to be in the process that is measured

        say("drawing the page")
        (folder / PAGE).write_text(render(results, shown), encoding="utf-8")
    return shown, interrupted


def _measured(name: str, find: Callable[[], Part], results: Results) -> Shown:
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
    return Shown(part.TITLE, list(part.tables(figures)), list(part.charts(figures)))


def say(line: str) -> None:
    click.echo(line, err=True)


def print_tables(shown: Mapping[str, Shown]) -> None:
    """On standard output; as wide as they need to be where that is no terminal."""
    console = Console(markup=False, highlight=False, emoji=False, width=None if sys.stdout.isatty() else 180)
    for name, part in shown.items():
        console.print(f"\n{name}: {part.title}", style="bold")
        for table in part.tables:
            drawn = RichTable(title=table.title, title_justify="left", title_style="", header_style="bold")
            for column, header in enumerate(table.headers):
                drawn.add_column(header, justify="right" if is_numbers(table, column) else "left")
            for row in table.rows:
                drawn.add_row(*row)
            console.print()
            console.print(drawn)
            if table.note:
                console.print(table.note, style="dim")


def earlier_seconds(folder: Path, *, quick: bool) -> dict[str, float]:
    try:
        last = read(folder / NEWEST)
    except NoResults:
        return {}
    return {name: last.seconds[name] for name in last.parts if name in last.seconds} if last.quick == quick else {}


def command(parts: Mapping[str, Callable[[], Part]], results: Results, into: Path) -> int:
    """Measures, and says what came of it. Gives the exit status: 1 where something does not hold, 130 after Ctrl-C."""
    into.mkdir(parents=True, exist_ok=True)
    shown, interrupted = run(parts, results, into, earlier_seconds(into, quick=results.quick))
    print_tables(shown)
    click.echo(f"\npage       {(into / PAGE).absolute().as_uri()}\nresults    {into / NEWEST}")
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
    help="Where results and page are written.",
)
def main(quick: bool, seed: int, only: tuple[str, ...], into: Path) -> None:
    """Measures, prints tables, writes the figures and a page. Exit status 1 where something does not hold."""
    chosen = {name: find for name, find in PARTS.items() if not only or name in only}
    sys.exit(command(chosen, begin(seed=seed, quick=quick), into))


if __name__ == "__main__":
    main()
