"""The race's own arithmetic, and that work which is not the same is noticed."""

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.performance.contestant import OURS, SCRIPT, SERIAL
from tests.performance.race import complaints, tables
from tests.performance.workloads import ACCOUNT, FAULTS, FOUR, MANY, SITES, four_sites, lower_bound_s, small_account


@pytest.mark.parametrize(
    ("latencies_s", "at_once", "rate", "burst", "bound_s"),
    [
        ([44, 38, 36, 34], 4, 0, 0, 44),
        ([44, 38, 36, 34], 1, 0, 0, 152),
        ([10] * 12, 4, 0, 0, 30),
        ([1] * 60, 4, 30, 30, 60),
        ([1] * 20, 4, 30, 30, 5),
    ],
    ids=["the slowest", "all of them", "shared out", "the account's rate", "within the burst"],
)
def test_nobody_is_faster_than(latencies_s: list[float], at_once: int, rate: float, burst: int, bound_s: float) -> None:
    assert lower_bound_s(latencies_s, at_once, rate, burst) == pytest.approx(bound_s)


def test_a_prompt_is_what_the_collector_sends() -> None:
    bodies = json.loads(four_sites(0, quick=True).prompts_json())
    assert [body["site_id"] for body in bodies] == list(SITES)
    assert all("Propose exactly 5 article candidates" in body["user"] for body in bodies)
    assert {body["max_tokens"] for body in bodies} == {1_024}


def test_the_same_seed_draws_the_same_account() -> None:
    assert small_account(7, quick=True) == small_account(7, quick=True)
    assert small_account(7, quick=True) != small_account(8, quick=True)


def a_run(name: str, workload: str, kept: int = 4, **changes: Any) -> dict[str, Any]:
    ours = name == OURS
    summary = {"planned": 4, "accepted": kept, "missed": {"network": 4 - kept}, "duration_s": 4.0}
    run = {
        "contestant": name,
        "workload": workload,
        "planned": 4,
        "wall_s": 5.0,
        "status": 0,
        "cpu_s": 1.0,
        "peak_mb": 80.0,
        "last_words": "",
        "calls": 4,
        "limited": 0,
        "input_tokens": 460,
        "output_tokens": 632,
        "kept": list(SITES[:kept]),
        "summary": summary if ours else None,
        "prompts": {site: ["same"] for site in SITES},
        "candidates": dict.fromkeys(SITES, "same"),
    }
    if ours and workload in FAULTS:
        run["morning"] = {"kept": list(SITES), "calls": 1, "summary": None}
    return run | changes


@pytest.fixture
def figures() -> dict[str, Any]:
    """A race in which everything is as it should be."""
    names = (SERIAL, "all at once", SCRIPT, OURS)
    workload = {"sites": 4, "speed": 10, "bound_s": 4.4, "timeout_s": 3, "patience_s": 25}
    return {
        "quick": True,
        "contestants": list(names),
        "workloads": {name: dict(workload) for name in (FOUR, *FAULTS, ACCOUNT, MANY)},
        "runs": [
            *(a_run(name, FOUR) for name in names),
            *(a_run(name, fault, kept=3) for name in names for fault in FAULTS),
            *(a_run(name, MANY) for name in (SCRIPT, OURS)),
            *(a_run(name, ACCOUNT, limited=int(name == "all at once")) for name in names[1:]),
        ],
    }


def find(figures: dict[str, Any], name: str, workload: str) -> dict[str, Any]:
    return next(run for run in figures["runs"] if (run["contestant"], run["workload"]) == (name, workload))


def test_a_race_as_it_should_be_has_no_complaint(figures: dict[str, Any]) -> None:
    assert complaints(figures) == []


@pytest.mark.parametrize("what", ["prompts", "candidates"])
def test_other_work_than_the_first_is_a_complaint(figures: dict[str, Any], what: str) -> None:
    find(figures, SCRIPT, FOUR)[what]["meadow"] = "other"
    assert complaints(figures) == [f"{FOUR}: {SCRIPT} has other {what} than {SERIAL}"]


def test_a_site_that_was_never_asked_about_is_a_complaint(figures: dict[str, Any]) -> None:
    del find(figures, SCRIPT, FOUR)["prompts"]["meadow"]
    assert len(complaints(figures)) == 1


@pytest.mark.parametrize(
    ("name", "workload", "changes", "word"),
    [
        (OURS, "one hangs", {"morning": {"kept": ["harbour"], "calls": 1, "summary": None}}, "by the morning"),
        (OURS, "one fails", {"summary": None}, "no summary"),
        (OURS, ACCOUNT, {"limited": 1}, "429"),
        (OURS, ACCOUNT, {"kept": ["harbour"]}, "kept 1 of 4"),
        ("all at once", ACCOUNT, {"limited": 0}, "not small"),
        (SCRIPT, FOUR, {"kept": ["harbour"]}, "kept 1 of 4"),
        (SCRIPT, MANY, {"kept": ["harbour"]}, "kept 1 of 4"),
        (OURS, FOUR, {"wall_s": 12.6}, "2.52 times the script's wall_s"),
        (OURS, FOUR, {"cpu_s": 4.1}, "4.10 times the script's cpu_s"),
        (OURS, MANY, {"cpu_s": 5.1}, "5.10 times the script's cpu_s"),
    ],
)
def test_what_does_not_hold_is_a_complaint(
    figures: dict[str, Any], name: str, workload: str, changes: dict[str, Any], word: str
) -> None:
    find(figures, name, workload).update(changes)
    found = complaints(figures)
    assert len(found) == 1
    assert word in found[0]


def test_a_census_that_does_not_add_up_is_a_complaint(figures: dict[str, Any]) -> None:
    find(figures, OURS, "one fails")["summary"]["accepted"] = 4
    assert len(complaints(figures)) == 1


def test_a_script_that_keeps_everything_everywhere_is_a_complaint(figures: dict[str, Any]) -> None:
    for fault in FAULTS:
        find(figures, SCRIPT, fault)["kept"] = list(SITES)
    assert len(complaints(figures)) == 1


def test_who_was_killed_can_be_read(figures: dict[str, Any]) -> None:
    find(figures, SERIAL, "one hangs").update(status=None, kept=["harbour"])
    text = "\n".join(" | ".join(row) for table in tables(figures) for row in table.rows)
    assert "1, still waiting → 1" in text
    assert "3 → 4" in text


def test_tables_are_whole_and_the_figures_are_json(figures: dict[str, Any]) -> None:
    before = deepcopy(figures)
    for table in tables(figures):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.headers)}
    assert json.loads(json.dumps(figures)) == before
