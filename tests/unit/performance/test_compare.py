"""Two results side by side."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.performance import compare
from tests.performance.results import NoResults, Results, read, write

TAKEN = datetime(2026, 11, 23, 21, 35, tzinfo=UTC)


def results(parts: dict[str, Any], **others: Any) -> Results:
    return Results(
        **{
            "taken_at": TAKEN,
            "quick": False,
            "seed": 0,
            "machine": {"processor": "a slow one", "cores": 2},
            "versions": {"python": "3.13.0", "boto3": "1.44.0"},
            "seconds": {},
            "parts": parts,
            "complaints": {},
        }
        | others
    )


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., Result]:
    def run(old: Results, new: Results, *arguments: str) -> Result:
        files = [str(write(each, tmp_path / name)[0]) for name, each in (("old", old), ("new", new))]
        return CliRunner().invoke(compare.main, [*files, *arguments])

    return run


def rows(done: Result) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "│" in line]
    return {row[0]: row[1:] for row in cells}


@pytest.mark.parametrize(
    ("figures", "flat"),
    [
        ({"a": {"b": 1, "c": "text", "d": True, "e": None}}, {"a.b": 1.0}),
        ({"seconds": [3, 1, 2]}, {"seconds (median)": 2.0}),
        ({"runs": [{"s": 1}, {"s": 5}, {"s": 2}]}, {"runs.s (median)": 2.0}),
        (
            {"runs": [{"who": "x", "s": 1}, {"who": "y", "s": 9}, {"who": "x", "s": 3}]},
            {"runs[x].s (median)": 2.0, "runs[y].s (median)": 9.0},
        ),
        ({"by": [{"name": "x", "s": 1}, {"name": "y", "s": 2}]}, {"by[x].s": 1.0, "by[y].s": 2.0}),
        ({"by": [{"s": 1}, {"s": 2}]}, {"by[0].s": 1.0, "by[1].s": 2.0}),
        (
            {"by": [{"tier": "x", "sites": 4, "s": 1}, {"tier": "x", "sites": 9, "s": 2}]},
            {
                "by[x, sites 4].sites": 4.0,
                "by[x, sites 4].s": 1.0,
                "by[x, sites 9].sites": 9.0,
                "by[x, sites 9].s": 2.0,
            },
        ),
        ({"curve": [[1, 10], [2, 20]]}, {"curve[1]": 10.0, "curve[2]": 20.0}),
        ({"empty": [], "odd": float("nan")}, {}),
    ],
)
def test_figures_become_dotted_paths(figures: dict[str, Any], flat: dict[str, float]) -> None:
    assert dict(compare.flatten(figures)) == flat


def test_a_figure_that_differs_is_shown_with_its_ratio(compared: Callable[..., Result]) -> None:
    old, new = results({"race": {"ours": {"s": [1, 2, 3]}}}), results({"race": {"ours": {"s": [2, 5, 9]}}})
    done = compared(old, new)
    assert done.exit_code == 0
    assert rows(done) == {"ours.s (median)": ["2", "5", "2.50"]}
    assert "1 of 1 figures differ by more than 5 %" in done.stdout


def test_only_what_differs_enough_is_shown(compared: Callable[..., Result]) -> None:
    old, new = results({"race": {"near": 100, "far": 100}}), results({"race": {"near": 104, "far": 94}})
    assert rows(compared(old, new)).keys() == {"far"}
    assert rows(compared(old, new, "--threshold", "3")).keys() == {"near", "far"}
    assert rows(compared(old, new, "--threshold", "50")).keys() == set()
    assert rows(compared(old, new, "--threshold", "50", "--all")).keys() == {"near", "far"}


def test_a_figure_without_a_ratio_is_shown_without_one(compared: Callable[..., Result]) -> None:
    old, new = results({"race": {"lost": 0, "gone": 1, "same": 0}}), results({"race": {"lost": 3, "new": 1, "same": 0}})
    done = compared(old, new)
    assert rows(done) == {"lost": ["0", "3", "-"]}
    assert "1 only in the old file" in done.stdout
    assert "1 only in the new file" in done.stdout
    everything = rows(compared(old, new, "--all"))
    assert everything["gone"] == ["1", "-", "-"]
    assert everything["new"] == ["-", "1", "-"]


def test_the_tenth_comes_after_the_ninth(compared: Callable[..., Result]) -> None:
    names = ["sites 9", "sites 10", "sites 100"]
    done = compared(results({"race": dict.fromkeys(reversed(names), 1)}), results({"race": dict.fromkeys(names, 2)}))
    assert list(rows(done)) == names


def test_figures_are_grouped_by_part(compared: Callable[..., Result]) -> None:
    done = compared(results({"race": {"s": 1}, "old": {}}), results({"race": {"s": 2}, "scale": {"s": 1}}))
    assert "race: 1 of 1 figures" in done.stdout
    assert "scale: only in the new file" in done.stdout
    assert "old: only in the old file" in done.stdout


@pytest.mark.parametrize(
    ("others", "line"),
    [
        ({"machine": {"processor": "a fast one", "cores": 2}}, "machine processor: a slow one, then a fast one"),
        ({"seed": 4}, "seed: 0, then 4"),
        ({"quick": True}, "quick: False, then True"),
        ({"versions": {"python": "3.13.0", "boto3": "1.45.0"}}, "version boto3: 1.44.0, then 1.45.0"),
        ({"versions": {"python": "3.13.0"}}, "version boto3: 1.44.0, then none"),
    ],
)
def test_what_else_is_different_is_named(compared: Callable[..., Result], others: dict[str, Any], line: str) -> None:
    done = compared(results({}), results({}, **others))
    assert [each.strip() for each in done.stdout.splitlines() if each.startswith("  ")] == [line]
    assert "Not only the figures differ" in done.stdout


def test_where_only_figures_differ_nothing_else_is_said(compared: Callable[..., Result]) -> None:
    assert "Not only" not in compared(results({"race": {"s": 1}}), results({"race": {"s": 2}})).stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "No such file"),
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[]", "is no result of `make bench`"),
        (b'{"schema_version": 2}', "schema_version"),
    ],
)
def test_a_file_that_is_no_result_is_named(tmp_path: Path, text: bytes | None, why: str) -> None:
    good = write(results({}), tmp_path)[0]
    bad = tmp_path / "bad.json"
    if text is not None:
        bad.write_bytes(text)
    done = CliRunner().invoke(compare.main, [str(good), str(bad)])
    assert done.exit_code == 64
    assert str(bad) in done.stderr
    assert why in done.stderr
    with pytest.raises(NoResults):
        read(bad)
