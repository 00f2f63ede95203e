"""tests/performance/overhead.py: what is made of the times, and what does not hold."""

from typing import Any

import pytest

from tests.performance import overhead


def figures(ours: list[float], theirs: list[float], **limits: float) -> dict[str, Any]:
    def runs(values: list[float]) -> list[dict[str, float]]:
        return [{"work_s": each, "start_up_s": each, "whole_s": each + 2, "cpu_s": each} for each in values]

    return {
        "comparisons": {
            "calls": {"sites": 4, "limits": limits, "sides": {"nightfold": runs(ours), "script": runs(theirs)}}
        }
    }


def test_pairs_are_compared_and_not_the_worst_run() -> None:
    slow_for_both = figures([1.04, 9.0, 2.0], [1.0, 8.9, 0.1], work_s=1.05)
    assert overhead.complaints(slow_for_both) == []
    assert overhead.ratio(slow_for_both["comparisons"]["calls"], "work_s") == pytest.approx(1.04)


@pytest.mark.parametrize("figure", overhead.FIGURES)
def test_more_than_the_ratio_is_complained_about(figure: str) -> None:
    assert overhead.complaints(figures([1.5], [1.0], **{figure: 1.5})) == []
    assert "1.60" in overhead.complaints(figures([1.6], [1.0], **{figure: 1.5}))[0]


def test_every_limit_is_a_ratio_to_the_script_over_several_pairs() -> None:
    for each in (overhead.SHORT, overhead.LONG, overhead.FEWER, overhead.MANY):
        assert each.limits.keys() <= overhead.FIGURES.keys()
        assert not each.limits or each.pairs >= 3
        assert not each.quick_pairs or each.quick_pairs >= 3


def test_the_table_has_both_sides_with_their_spread() -> None:
    [table] = overhead.tables(figures([1.2, 1.1, 1.3], [1.0, 1.0, 1.0]))
    assert [row[1] for row in table.rows] == ["Nightfold", "asyncio script"]
    assert table.rows[0][2] == "1.200 (1.100-1.300)"
    assert all(len(row) == len(table.headers) for row in table.rows)
