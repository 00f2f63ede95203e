"""tests/performance/overhead.py: what is made of the times, and what does not hold."""

from typing import Any

from tests.performance import overhead


def figures(ours: list[float], theirs: list[float], *, start_up_s: float = 1.0, **limits: Any) -> dict[str, Any]:
    def runs(values: list[float], start_up_s: float) -> list[dict[str, float]]:
        return [{"work_s": value, "start_up_s": start_up_s, "whole_s": value + 2, "cpu_s": 1.0} for value in values]

    compared = {"name": "calls", "sites": 4, "at_most": None, "added_ms": None} | limits
    return {
        "comparisons": {
            "calls": compared
            | {"sides": {"nightfold": {"runs": runs(ours, start_up_s)}, "script": {"runs": runs(theirs, 1)}}}
        }
    }


def test_medians_are_compared_and_not_the_worst_run() -> None:
    assert overhead.complaints(figures([1.04, 9.0, 1.03], [1.0, 1.0, 0.1], at_most=1.05)) == []


def test_more_than_the_ratio_is_complained_about() -> None:
    assert "1.060" in overhead.complaints(figures([1.06], [1.0], at_most=1.05))[0]


def test_more_milliseconds_a_site_are_complained_about() -> None:
    assert overhead.complaints(figures([1.019], [1.0], added_ms=5)) == []
    assert "6.0 ms" in overhead.complaints(figures([1.024], [1.0], added_ms=5))[0]


def test_a_late_start_is_complained_about() -> None:
    assert "2.60 s" in overhead.complaints(figures([1.0], [1.0], start_up_s=2.6))[0]


def test_the_table_has_both_sides_with_their_spread() -> None:
    [table] = overhead.tables(figures([1.2, 1.1, 1.3], [1.0]))
    assert [row[1] for row in table.rows] == ["Nightfold", "asyncio script"]
    assert table.rows[0][2] == "1.200 (1.100-1.300)"
    assert table.rows[0][4] == "50.0"
