"""What follows from the counts of a run: overhead, quantities, the formula's own, and what does not hold."""

import json
from typing import Any

import pytest

from infra.packaging import costs
from tests.performance import scale
from tests.performance.aggregation import usual
from tests.performance.scale_shown import largest, slope
from tests.support.counted_run import REFUSED, Counts, refused


def counted(sites: int, **changes: Any) -> dict[str, Any]:
    """A run as `counted_run` prints it, in which everything holds."""
    requests = {
        "the state machine lambda:Invoke": sites + 3,
        "the state machine s3:GetObject": 1,
        "the state machine s3:PutObject": sites,
        "Aggregator s3:GetObject": sites,
        "Aggregator s3:PutObject": sites,
        "Aggregator s3:ListObjectsV2": 1,
        "Aggregator sqs:SendMessageBatch": 1,
        "Reporter s3:GetObject": 2 * sites,
        "Reporter sns:Publish": 1,
    }
    return {
        "sites": sites,
        "concurrency": 40,
        "missed": 0,
        "seconds": 1 + sites * 0.02,
        "cpu_s": 0.4 + sites * 0.01,
        "deployed_mb": 120.0,
        "peak_mb": 250.0,
        "history_events": 31,
        "requests": requests,
        "states": {"PlanRun": 1, "CollectSite": sites, "StoreOutcome": sites},
        "transitions": 8 + 3 * sites,
        "largest": {"input of PlanRun": 48, "input of StoreOutcome": 1_800, "input of the execution": 9_000},
        "totals": {"log": 100 * sites, "SQS chunks": 2},
        "calls": {"Planner": [{"seconds": 0.1, "cpu_s": 0.1}], "Aggregator": [{"seconds": 1.0, "cpu_s": 0.9}] * 2},
    } | changes


def figures(**of_the_last: Any) -> dict[str, Any]:
    runs = [scale.derived(counted(sites), 0.1) for sites in (4, 40, 400)]
    runs.append(scale.derived(counted(4_000) | of_the_last, 0.1))
    calls = [{"seconds": 40.0, "cpu_s": 30.0, "peak_mb": 100.0, "error": None}] * 2
    measured = {"sites": 10_000, "memory_mb": 1_024, "timeout_s": 900, "calls": calls}
    measured |= {"lambda_cpu_s": 52.0, "peak_mb": 100.0, "error": None}
    planner = measured | {"memory_mb": 512, "timeout_s": 300, "calls": calls[:1]}
    return {"runs": runs, "packaged": {"planner, full memories": planner, "aggregator, usual run": measured}}


def test_overhead_is_what_the_calls_alone_would_not_take() -> None:
    run = scale.derived(counted(400), 0.1)
    assert run["bound_s"] == pytest.approx(1.0)
    assert run["overhead_ms"] == pytest.approx((9 - 1) / 400 * 1_000)
    assert run["cpu_ms"] == pytest.approx(11)
    assert run["alone_s"] == {"Planner": pytest.approx(0.1), "Aggregator": pytest.approx(2.0)}


def test_one_more_site_is_the_slope_without_the_fixed_part() -> None:
    former, later = counted(40), counted(400)
    assert slope(former, later, "cpu_s") == pytest.approx(0.01)


def test_quantities_are_what_aws_charges_for() -> None:
    run = counted(10)
    assert scale.quantities(run["requests"], run["transitions"], run["totals"]) == {
        "TRANSITION": 38,
        "INVOCATION": 13,
        "S3_READ": 31,
        "S3_WRITE": 21,  # a list has the price of a write
        "SQS_REQUEST": 2,  # one batch, larger than 64 KiB
        "LOG_GB": 1_000,
    }


def test_the_formula_tells_its_own_quantities() -> None:
    run = costs.Night(1_000)
    assumed = scale.formula(run)
    assert assumed["TRANSITION"] == pytest.approx(9 + 3 * run.waves + 3 * 1_000)
    assert assumed["INVOCATION"] == pytest.approx(1_003 + run.waves + 1)
    prices = {name: getattr(costs, name) for name in assumed}
    parts = sum(prices[name] * assumed[name] / scale.COUNTED[name][1] for name in assumed)
    metrics = costs.METRICS * costs.METRIC_MONTH * costs.METRIC_HOURS / 24
    fixed = (metrics + costs.alarm_metrics() * costs.ALARM_METRIC_MONTH + costs.DASHBOARD_MONTH) / costs.NIGHTS
    computing = (1_000 * run.seconds * 0.5 + 12 + (run.waves + 1) * 0.5) * costs.GB_SECOND
    assert parts + fixed + computing == pytest.approx(costs.aws_usd(run))


def test_a_pattern_finds_the_largest_that_has_no_row_of_its_own() -> None:
    run = counted(4)
    assert largest(run, "input of *") == ("input of StoreOutcome", 1_800)
    assert largest(run, "input of the execution") == ("input of the execution", 9_000)
    assert largest(run, "history events of the run") == ("history events of the run", 31)
    assert largest(run, "its subject") is None


def test_nothing_is_said_of_a_bench_that_holds() -> None:
    assert scale.complaints(figures()) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"cpu_s": 4_000 * 0.0139}, "a site costs 13.9 ms of CPU in a run of 4,000 sites and 11.0 ms in one of 400"),
        ({"peak_mb": 801.0}, "4,000 sites: 801 MB of memory, 800 are allowed"),
        ({"transitions": 12_040}, "4,000 sites: 12,040 state transitions counted, the cost formula assumes 12,039"),
        (
            {"history_events": 25_001},
            "4,000 sites: history events of the run: 25,001 of at most 25,000 (Step Functions)",
        ),
        (
            {"largest": {"input of StoreOutcome": 262_145}},
            "4,000 sites: input of StoreOutcome: 262,145 of at most 262,144 (Step Functions)",
        ),
    ],
)
def test_what_does_not_hold_is_said(changes: dict[str, Any], complaint: str) -> None:
    assert scale.complaints(figures(**changes)) == [complaint]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [({"peak_mb": 342.0}, "342 MB of 1024"), ({"lambda_cpu_s": 301.0}, "301 s of 900"), ({"error": "E"}, "E")],
)
def test_a_package_keeps_to_a_third_of_what_it_may_take(changes: dict[str, Any], complaint: str) -> None:
    measured = figures()
    measured["packaged"]["aggregator, usual run"] |= changes
    assert scale.complaints(measured) == [f"aggregator, usual run, 10,000 sites: {complaint}"]


def test_every_cell_is_text_and_every_row_is_whole() -> None:
    kept = json.loads(json.dumps(figures()))
    for table in scale.tables(kept):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.headers)}, table.title
        assert all(isinstance(cell, str) for row in table.rows for cell in row)


def test_a_machine_without_the_emulator_has_no_table_of_it() -> None:
    without = figures() | {"packaged": {}}
    assert len(scale.tables(without)) == len(scale.tables(figures())) - 1
    assert scale.complaints(without) == []


def test_retries_and_starts_of_branches_are_transitions() -> None:
    counts = Counts()
    counts.states.update({"PlanRun": 1, "CollectSites": 1, "CollectSite": 5, "StoreOutcome": 5})
    counts.tasks.update({"PlanRun": 1, "CollectSite": 5, "StoreOutcome": 5})
    counts.requests.update({"the state machine lambda:Invoke": 6 + 2, "the state machine s3:PutObject": 5})
    assert counts.transitions == 12 + 2 + 5


def test_two_sites_of_a_hundred_are_refused() -> None:
    assert len(refused(10_000)) == 200
    assert refused(4) == []
    assert refused(40) == [f"site-{REFUSED:05}"]


def test_nine_of_ten_outcomes_are_good_in_a_usual_run() -> None:
    first = [usual(number)[0] for number in range(1_000)]
    assert (first.count("good"), first.count("broken"), first.count("failed")) == (900, 50, 50)
