"""The cost of a site, counted and never timed: calls, requests, state transitions and bytes.

Three runs of the real state machine with a fixed concurrency: of 5 sites in one wave, and of 15 and 25 in two. The
difference of the last two is the cost of ten sites, in which everything that a run needs once cancels out. A fourth run
has misses.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.messages_api import MessagesAPI
from infra.packaging import costs
from tests.support.billed import formula, quantities
from tests.support.counted_run import MACHINE, Order, count_run, site_names

AT_ONCE = 4
ONE_WAVE, FEW, MANY = 5, 15, 25
MISSED, ACCEPTED = 23, 4


@dataclass(frozen=True)
class Counted:
    """The counts of one run."""

    counts: dict[str, Any]
    calls: int  # of the Messages API

    def requests(self, who: str, operation: str) -> int:
        return int(self.counts["requests"].get(f"{who} {operation}", 0))


def run(folder: Path, sites: int, refused: int = 0) -> Counted:
    with MessagesAPI() as api:
        for name in site_names(sites)[:refused]:
            api.script(name, ["refusal"])
        counts = count_run(Order(sites, api.url, str(folder / f"{sites}-sites"), AT_ONCE))
        return Counted(counts, len(api.history))


@pytest.fixture(scope="module")
def one_wave(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    return run(tmp_path_factory.mktemp("one-wave"), ONE_WAVE)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    return run(tmp_path_factory.mktemp("few"), FEW)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    return run(tmp_path_factory.mktemp("many"), MANY)


@pytest.fixture(scope="module")
def missing(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    return run(tmp_path_factory.mktemp("missing"), MISSED + ACCEPTED, refused=MISSED)


def by_site(few: Counted, many: Counted, what: str) -> dict[str, float]:
    """What one more site adds, by name, without zeros."""
    former, later = few.counts[what], many.counts[what]
    added = {name: (later.get(name, 0) - former.get(name, 0)) / (MANY - FEW) for name in {*former, *later}}
    return {name: number for name, number in added.items() if number and not name.endswith("ssm:GetParameter")}


def test_a_site_is_one_call_of_each_kind_and_nothing_else(few: Counted, many: Counted) -> None:
    assert by_site(few, many, "requests") == {
        f"{MACHINE} lambda:Invoke": 1,  # the collector
        f"{MACHINE} s3:PutObject": 1,  # its outcome
        "Pacer s3:GetObject": 1,  # that outcome, for the next wave
        "Planner s3:GetObject": 1,  # its memory
        "Aggregator s3:GetObject": 2,  # the outcome and the memory
        "Aggregator s3:PutObject": 2,  # memory and results
        "Reporter s3:GetObject": 2,  # both, for the page
    }
    assert (few.calls, many.calls) == (FEW, MANY)


def test_a_site_is_two_states_and_the_start_of_its_branch(few: Counted, many: Counted) -> None:
    assert by_site(few, many, "states") == {"CollectSite": 1, "StoreOutcome": 1}
    assert many.counts["transitions"] - few.counts["transitions"] == 3 * (MANY - FEW)


def test_what_a_run_needs_once_is_counted(one_wave: Counted) -> None:
    """Otherwise the differences above would also hold if nothing were counted."""
    assert one_wave.requests(MACHINE, "lambda:Invoke") == ONE_WAVE + 5  # planner, pacer twice, aggregator, reporter
    assert one_wave.requests(MACHINE, "s3:GetObject") == 1  # the items
    assert one_wave.requests("Planner", "s3:PutObject") == 2  # plan, items
    assert one_wave.requests("Aggregator", "s3:ListObjectsV2") == 2  # outcomes, results
    assert one_wave.counts["transitions"] == 3 * ONE_WAVE + 12
    assert {name: len(calls) for name, calls in one_wave.counts["calls"].items()} == {
        "Planner": 1,
        "Pacer": 2,
        "Aggregator": 1,
        "Reporter": 1,
    }


def test_a_wave_is_three_states_one_call_of_the_pacer_and_its_two_files(one_wave: Counted, few: Counted) -> None:
    def grown(who: str, operation: str) -> int:
        return few.requests(who, operation) - one_wave.requests(who, operation)

    sites = FEW - ONE_WAVE
    assert few.counts["transitions"] - one_wave.counts["transitions"] == 3 * sites + 3
    assert grown(MACHINE, "lambda:Invoke") == sites + 1
    assert grown(MACHINE, "s3:GetObject") == 1  # its items
    assert grown("Pacer", "s3:PutObject") == 2  # its decision and its items
    assert grown("Pacer", "s3:GetObject") == sites + 6  # plan, items, three decisions, the items of the wave before
    assert grown("Aggregator", "s3:GetObject") == 2 * sites + 1  # the decision


def test_the_cost_formula_grows_with_sites_and_waves_as_the_counts_do(
    one_wave: Counted, few: Counted, many: Counted
) -> None:
    runs = [(one_wave, costs.Night(ONE_WAVE, waves=1, missed_share=0))]
    runs += [(each, costs.Night(sites, waves=2, missed_share=0)) for each, sites in ((few, FEW), (many, MANY))]
    for price in ("TRANSITION", "INVOCATION", "S3_READ", "S3_WRITE", "SQS_REQUEST"):
        counted = [
            quantities(each.counts["requests"], each.counts["transitions"], each.counts["totals"])[price]
            for each, _ in runs
        ]
        assumed = [formula(night)[price] for _, night in runs]
        for later in (1, 2):
            assert counted[later] - counted[0] == pytest.approx(assumed[later] - assumed[0]), price


def test_the_log_of_a_site_is_no_longer_than_the_cost_formula_assumes(few: Counted, many: Counted) -> None:
    added = many.counts["totals"]["log"] - few.counts["totals"]["log"]
    assert 100 * (MANY - FEW) < added < 700 * (MANY - FEW)


def test_the_key_is_read_by_each_environment_and_not_for_each_site(few: Counted, many: Counted) -> None:
    for each in (few, many):
        assert 1 <= each.requests("Collector", "ssm:GetParameter") <= AT_ONCE
        assert each.requests("Planner", "ssm:GetParameter") == 1


def test_a_site_that_is_accepted_touches_no_queue(few: Counted, many: Counted) -> None:
    assert not [request for each in (few, many) for request in each.counts["requests"] if " sqs:" in request]


def test_misses_are_sent_in_batches_of_ten(missing: Counted) -> None:
    assert missing.counts["missed"] == missing.counts["totals"]["messages sent"] == MISSED
    assert missing.requests("Aggregator", "sqs:SendMessageBatch") == 3
    assert sum(" sqs:" in request for request in missing.counts["requests"]) == 1
    largest = missing.counts["largest"]
    assert largest["a message of the miss queue"] < largest["a batch of misses"] <= 262_144


def test_a_miss_is_stored_once_and_paid_once(missing: Counted) -> None:
    assert missing.calls == MISSED + ACCEPTED
    assert missing.requests(MACHINE, "s3:PutObject") == MISSED + ACCEPTED
    assert missing.requests("Aggregator", "s3:PutObject") == 2 * ACCEPTED + 2  # misses.jsonl, summary.json


def test_the_state_machines_payloads_do_not_grow_with_the_sites(few: Counted, many: Counted) -> None:
    run = many.counts["states"].keys() - {"CollectSite", "StoreOutcome"}
    assert len(run) == 10
    for name in run:
        for payload in (f"input of {name}", f"output of {name}"):
            former, later = few.counts["largest"][payload], many.counts["largest"][payload]
            assert later - former <= 2, payload  # a digit in `planned`, and one in `accepted`
            assert later < 400, payload
    assert many.counts["history_events"] == few.counts["history_events"]


def test_a_branch_leaves_an_empty_object_in_the_result_of_the_map(few: Counted, many: Counted) -> None:
    assert many.counts["largest"]["result of the Map"] == len("[" + ",".join(["{}"] * MANY) + "]")
    assert few.counts["largest"]["result of the Map"] == len("[" + ",".join(["{}"] * FEW) + "]")


def test_what_is_stored_for_a_site_is_small(few: Counted, many: Counted) -> None:
    added = by_site(few, many, "totals")
    assert 100 < added["plan.json"] < 300
    assert 400 < added["items.json"] < 1_000  # of the round and of the wave
    assert 100 < added["summary.json"] < 250
    assert 1_000 < added["outcome"] < 4_000
    assert 500 < added["results"] < 2_000
