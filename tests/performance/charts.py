"""A chart as matplotlib draws it; tests.performance.inline makes it a part of the page."""

import io
import math
import textwrap
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from tests.performance.inline import INK, LINE, SERIES, SOFT, inline, series_colour
from tests.performance.part import Chart

INCHES = 6.3  # wide; 72 units of the drawing each
MARKERS, SIGNS = "os^vDPX*", "●■▲▼◆✚✖★"  # the second for the legend
DASHES = ("-", "--", ":")  # where there are more series than colours
SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "nightfold",  # the same chart is the same drawing
    "text.parse_math": False,
    "font.family": "DejaVu Sans",  # comes with matplotlib: measured alike everywhere
    "font.size": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 12,
    "axes.axisbelow": True,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
}


def draw(chart: Chart, name: str) -> str:
    """An `<svg>` whose ids begin with `name`."""
    with mpl.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the measured font lacks is drawn by the reader's
        flat = chart.kind == "bars" and is_flat(chart)
        figure = Figure(figsize=(INCHES, _height(chart, flat=flat)), layout="constrained")
        axes = figure.subplots()
        if chart.kind == "bars":
            _bars(axes, chart, flat=flat)
        else:
            _lines(axes, chart)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    return inline(drawn.getvalue(), chart.title, name)


def legend(chart: Chart) -> list[tuple[int, str, str]]:
    """Number of the colour, sign and name of each series; nothing where there is only one."""
    if len(chart.series) < 2:
        return []
    signs = SIGNS if chart.kind == "lines" else "■" * SERIES
    return [(number % SERIES, signs[number % SERIES], name) for number, name in enumerate(chart.series)]


def is_flat(chart: Chart) -> bool:
    """Whether bars lie: their names are long, or there are many."""
    names = categories(chart)
    return _count(chart) > 12 or sum(len(name) for name in names) > 44


def categories(chart: Chart) -> list[str]:
    """Of all series, each once."""
    return list(dict.fromkeys(str(point[0]) for points in chart.series.values() for point in points))


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _height(chart: Chart, *, flat: bool) -> float:
    return max(2.0, 0.9 + 0.24 * len(categories(chart)) * max(_abreast(chart), 1.5)) if flat else 3.4


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _bars(axes: Axes, chart: Chart, *, flat: bool) -> None:
    names = categories(chart)
    beside = _beside(chart)
    thick = 0.8 / _abreast(chart)
    ends: list[float] = []
    for which, all_points in enumerate(chart.series.values()):
        points = [point for point in all_points if len(point) > 1 and _is_number(point[1])]
        present = [(names.index(str(point[0])), beside[str(point[0])]) for point in points]
        places = [at + (each.index(which) - (len(each) - 1) / 2) * thick for at, each in present]
        values = [float(point[1]) for point in points]
        ranges = [_range(point) for point in points]
        (axes.barh if flat else axes.bar)(places, values, thick * 0.9, color=series_colour(which))
        for place, value, (low, high) in zip(places, values, ranges, strict=True):
            if high > low:
                across, along = [place, place], [low, high]
                axes.plot(*((along, across) if flat else (across, along)), color=INK, linewidth=1.2, alpha=0.8)
            at = (max(value, high), place) if flat else (place, max(value, high))
            place_of: dict[str, Any] = (
                {"xytext": (4, 0), "va": "center"} if flat else {"xytext": (0, 3), "ha": "center"}
            )
            if _count(chart) <= 40:
                axes.annotate(number(value), at, textcoords="offset points", color=SOFT, fontsize=11, **place_of)
        ends += [*values, *(end for low_high in ranges for end in low_high)]
    wrapped = [textwrap.fill(name, 30 if flat else 14) for name in names]
    if flat:
        axes.set_yticks(range(len(names)), wrapped)
        axes.invert_yaxis()
        axes.set_xlabel(textwrap.fill(chart.y, 40))
        axes.grid(axis="x")
    else:
        axes.set_xticks(range(len(names)), wrapped)
        axes.set_xlabel(textwrap.fill(chart.x, 50))
        axes.set_ylabel(textwrap.fill(chart.y, 30))
        axes.grid(axis="y")
    axes.tick_params(axis="y" if flat else "x", length=0)
    _scale(axes, "x" if flat else "y", ends, log=bool(chart.log), room=0.12 if flat else 0.08)


def _beside(chart: Chart) -> dict[str, list[int]]:
    """Which series have a bar in each category: the others take no room there."""
    beside: dict[str, list[int]] = {name: [] for name in categories(chart)}
    for which, points in enumerate(chart.series.values()):
        for name in dict.fromkeys(str(point[0]) for point in points if len(point) > 1 and _is_number(point[1])):
            beside[name].append(which)
    return beside


def _count(chart: Chart) -> int:
    return sum(map(len, _beside(chart).values()))


def _abreast(chart: Chart) -> int:
    return max(map(len, _beside(chart).values()), default=0) or 1


def _range(point: Sequence[Any]) -> tuple[float, float]:
    low, high = (*point[2:4], None, None)[:2]
    return (float(low), float(high)) if _is_number(low) and _is_number(high) else (float(point[1]), float(point[1]))


def _lines(axes: Axes, chart: Chart) -> None:
    xs: list[float] = []
    ys: list[float] = []
    for which, points in enumerate(chart.series.values()):
        points = [point for point in points if _is_number(point[0]) and _is_number(point[1])]
        if "x" in chart.log:
            points = [point for point in points if float(point[0]) > 0]
        if "y" in chart.log:
            points = [point for point in points if float(point[1]) > 0]
        x, y = [float(point[0]) for point in points], [float(point[1]) for point in points]
        axes.plot(
            *(x, y),
            color=series_colour(which),
            marker=MARKERS[which % SERIES] if len(points) <= 40 else None,
            markersize=5,
            linewidth=1.8,
            linestyle=DASHES[which // SERIES % len(DASHES)],
        )
        xs += x
        ys += y
    axes.set_xlabel(textwrap.fill(chart.x, 50))
    axes.set_ylabel(textwrap.fill(chart.y, 30))
    axes.grid()
    _scale(axes, "x", xs, log="x" in chart.log, room=0.03, chosen=True)
    _scale(axes, "y", ys, log="y" in chart.log, room=0.08)


def _scale(axes: Axes, which: str, values: list[float], *, log: bool, room: float, chosen: bool = False) -> None:
    """An axis that begins at zero, or logarithmic; with room behind the last value. `chosen`: its values say where it
    was measured, not what; it begins with the first."""
    axis, limit = (axes.xaxis, axes.set_xlim) if which == "x" else (axes.yaxis, axes.set_ylim)
    positive = [value for value in values if value > 0]
    if log and positive:
        decades = math.log10(max(positive) / min(positive))
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        steps = sorted(set(positive))
        if chosen and all(math.log10(b / a) > decades * 0.1 for a, b in pairwise(steps)):
            axis.set_major_locator(FixedLocator(steps))  # what was measured, rather than powers of ten
        else:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.5 else (1,), numticks=12))
        axis.set_minor_locator(NullLocator())
        begin = min(positive) / 10 ** max(decades * 0.06, 0.05)
        limit(begin, max(positive) * 10 ** max(decades * room * 1.3, 0.05))
    elif values:
        low, high = min(values), max(values)
        begin = low - (high - low) * room if chosen else min(0.0, low * 1.1)
        limit(begin, high + ((high - begin) * room or 1.0))
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
