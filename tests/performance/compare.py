"""`python -m tests.performance.compare OLD NEW`: what differs between two results of `make bench`."""

import math
import re
import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.performance.results import NoResults, Results, read

SIZES = ("at_once", "branches", "budget", "concurrency", "outcomes", "round", "seed", "sites")  # chosen, not measured
RUNS = ("runs", "repeats", "samples")  # lists of the same measured again and again


class BadInput(click.ClickException):
    """A file that is no result."""

    exit_code = 64


def flatten(figures: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number under its dotted path; of runs that call themselves the same, the median. Entries of other lists go
    by what they call themselves, points (x, y) by their x, others by their number."""
    if _is_number(figures):
        yield path, float(figures)
    elif isinstance(figures, Mapping):
        for key, value in figures.items():
            yield from flatten(value, f"{path}.{key}" if path else str(key))
    elif isinstance(figures, list) and figures and all(_is_number(each) for each in figures):
        yield f"{path} (median)", statistics.median(figures)
    elif isinstance(figures, list) and path.rpartition(".")[2] in RUNS and all(isinstance(e, Mapping) for e in figures):
        runs: dict[str, list[float]] = {}
        for run in figures:
            called = ", ".join(_names(run))
            for inner, value in flatten(run):
                runs.setdefault(f"[{called}].{inner}" if called else f".{inner}", []).append(value)
        yield from ((f"{path}{inner} (median)", statistics.median(values)) for inner, values in runs.items())
    elif isinstance(figures, list) and _are_points(figures):
        yield from ((f"{path}[{x:g}]", float(y)) for x, y in figures)
    elif isinstance(figures, list):
        for label, each in zip(_labels(figures), figures, strict=True):
            yield from flatten(each, f"{path}[{label}]")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _are_points(entries: list[Any]) -> bool:
    pairs = [each for each in entries if isinstance(each, list) and len(each) == 2 and all(map(_is_number, each))]
    return len(pairs) == len(entries) and len({x for x, _ in pairs}) == len(pairs)


def _labels(entries: list[Any]) -> list[str]:
    """What entries call themselves: as many of their first fields as tell them apart; their numbers, where none do."""
    names = [list(_names(each)) if isinstance(each, Mapping) else [] for each in entries]
    for many in range(1, min(map(len, names), default=0) + 1):
        labels = [", ".join(each[:many]) for each in names]
        if len(set(labels)) == len(labels):
            return labels
    return [str(number) for number in range(len(entries))]


def _names(entry: Mapping[str, Any]) -> Iterator[str]:
    for key, value in entry.items():
        if isinstance(value, str):
            yield value
        elif key in SIZES:
            yield f"{key} {value}"
        else:
            return


def differing(old: Results, new: Results) -> list[str]:
    """What else is different, so that it may not be the code that the figures speak of."""
    before, after = (
        {"quick": each.quick, "seed": each.seed}
        | {f"machine {key}": value for key, value in each.machine.items()}
        | {f"version {key}": value for key, value in each.versions.items()}
        for each in (old, new)
    )
    return [
        f"{key}: {before.get(key, 'none')}, then {after.get(key, 'none')}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def ratio(old: float, new: float) -> float | None:
    """New by old; None where there is none."""
    if old == new:
        return 1.0
    return new / old if old and old * new >= 0 else None


def rows(part: str, old: Results, new: Results) -> list[tuple[str, float | None, float | None, float | None]]:
    """Figure, old, new, ratio, by name; how long the part took is a figure too."""
    figures = [dict(flatten(each.parts.get(part, {}))) for each in (old, new)]
    for found, each in zip(figures, (old, new), strict=True):
        if part in each.parts and part in each.seconds:
            found["seconds to measure"] = each.seconds[part]
    before, after = figures
    return [
        (
            name,
            before.get(name),
            after.get(name),
            ratio(before[name], after[name]) if name in before and name in after else None,
        )
        for name in sorted({*before, *after}, key=by_number)
    ]


def by_number(name: str) -> list[tuple[bool, int, str]]:
    """The 10th comes after the 9th."""
    return [(each.isdigit(), int(each) if each.isdigit() else 0, each) for each in re.split(r"(\d+)", name)]


def is_news(quotient: float | None, threshold: float) -> bool:
    """Whether the ratio is further from 1 than that many percent; what has no ratio always is."""
    return quotient is None or abs(quotient - 1) * 100 > threshold


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 10_000 else f"{value:,.4g}"


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--threshold",
    type=click.FloatRange(0),
    default=5.0,
    show_default=True,
    metavar="PERCENT",
    help="Only figures that differ by more.",
)
@click.option("--all", "everything", is_flag=True, help="Every figure.")
def main(old: Path, new: Path, threshold: float, everything: bool) -> None:
    """Shows which figures of two results differ: old, new, and new by old."""
    try:
        before, after = read(old), read(new)
    except NoResults as error:
        raise BadInput(str(error)) from error
    console = Console(markup=False, highlight=False, emoji=False, width=None if sys.stdout.isatty() else 180)
    for name, file, results in (("old", old, before), ("new", new, after)):
        console.print(f"{name}  {results.taken_at:%Y-%m-%d %H:%M} UTC  {file}")
    other = differing(before, after)
    if other:
        console.print("\nNot only the figures differ:", style="bold yellow")
    for line in other:
        console.print(f"  {line}", style="yellow")
    shown = total = 0
    for part in dict.fromkeys([*before.parts, *after.parts]):
        if part not in before.parts or part not in after.parts:
            console.print(f"\n{part}: only in the {'new' if part in after.parts else 'old'} file", style="bold")
            continue
        found = rows(part, before, after)
        alone = [sum(row[which] is None for row in found) for which in (1, 2)]
        news = [row for row in found if everything or (None not in row[1:3] and is_news(row[3], threshold))]
        total, shown = total + len(found), shown + len(news)
        table = Table(header_style="bold")
        for header in ("figure", "old", "new", "new / old"):
            table.add_column(header, justify="left" if header == "figure" else "right")
        for figure, was, now, quotient in news:
            table.add_row(figure, number(was), number(now), "-" if quotient is None else f"{quotient:.2f}")
        console.print(f"\n{part}: {len(news)} of {len(found)} figures", style="bold")
        if news:
            console.print(table)
        for count, which in zip(alone, ("new", "old"), strict=True):
            if count and not everything:
                console.print(f"{count} only in the {which} file; --all lists them")
    console.print()
    for name, results in (("old", before), ("new", after)):
        for part, complaints in results.complaints.items():
            for complaint in complaints:
                console.print(f"does not hold in the {name} one: {part}: {complaint}", style="red")
    which = "shown" if everything else f"differ by more than {threshold:g} %"
    console.print(f"{shown} of {total} figures {which}.")


if __name__ == "__main__":
    main()
