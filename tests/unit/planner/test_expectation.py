"""planner/expectation.py: minutes and dollars, by what a run measured or by named assumptions."""

from datetime import UTC, datetime
from typing import Any

import pytest

from nightfold.contract import Expected
from nightfold.settings import RunConfiguration
from nightfold.waves import Carried
from planner.expectation import expect

MEASURED = Carried(
    max_concurrency=38,
    latency_s=20,
    held_s=22.5,
    input_tokens=310.4,
    output_tokens=480,
    run_id="nightly-2026-11-22",
    found_at=datetime(2026, 11, 22, tzinfo=UTC),
)


def expected(sites: int, carried: Carried | None = None, **configuration: Any) -> Expected:
    return expect(sites, RunConfiguration.model_validate(configuration), carried)


def test_the_basis_is_named() -> None:
    assert expected(400).basis == "assuming 20 s, 300 input and 500 output tokens an answer, room for 100"
    assert expected(400, MEASURED).basis == (
        "as run nightly-2026-11-22 measured: 22.5 s, 310 input and 480 output tokens an answer, room for 38"
    )
    assert expected(4, MEASURED, max_concurrency=2).basis.endswith("480 output tokens an answer")


def test_the_cost_is_that_of_one_answer_each() -> None:
    assert expected(1_000).cost_usd == pytest.approx(1_000 * (300 * 2 + 500 * 10) / 1e6)
    assert expected(1_000, MEASURED).cost_usd == pytest.approx((310_400 * 2 + 480_000 * 10) / 1e6)
    assert expected(4, model="claude-new").cost_usd is None


def test_a_simulation_that_runs_faster_is_expected_to_be_over_sooner() -> None:
    ten_times = expect(4, RunConfiguration(), None, speed=10)
    assert ten_times.minutes == pytest.approx(expected(4).minutes / 10, abs=0.01)
    assert ten_times.basis.startswith("assuming 2 s,")


def test_a_redrive_that_asks_no_site_takes_nothing() -> None:
    assert (expected(0).minutes, expected(0).cost_usd) == (0, 0)


@pytest.mark.parametrize(
    ("configuration", "carried", "warning"),
    [
        ({"max_concurrency": 1}, None, "max_concurrency 1 allows about 987 of 10,000 sites in a run's 6 hours; 12"),
        ({"max_concurrency": 4, "output_token_budget": 1_024}, None, "; 12 with an output_token_budget of 3,072 would"),
        ({"concurrency_limit": 4}, None, "concurrency_limit 4 allows about 3,948 of 10,000 sites in a run's 6 hours"),
        ({}, MEASURED.model_copy(update={"max_concurrency": 2}), "the account carries 2 at once, about 1,754 of"),
        ({"max_concurrency": 12}, None, None),
        ({}, None, None),
    ],
)
def test_a_run_that_ends_by_the_clock_is_announced_with_the_number_that_would_do(
    configuration: dict[str, Any], carried: Carried | None, warning: str | None
) -> None:
    found = expected(10_000, carried, **configuration)
    assert (warning or "") in (found.warning or "")
    assert (found.warning is None) == (warning is None)
    assert found.minutes <= 330  # it ends by itself


def test_a_ceiling_under_the_expected_cost_is_announced_with_what_it_pays_for() -> None:
    found = expected(1_000, cost_ceiling_usd=2)
    assert found.warning == "cost_ceiling_usd $2.00 pays for about 357 of 1,000 sites, which cost about $5.60 together"
    assert found.cost_usd == pytest.approx(2, abs=0.01)
    assert found.minutes == expected(357).minutes
    assert expected(1_000, cost_ceiling_usd=6).warning is None
