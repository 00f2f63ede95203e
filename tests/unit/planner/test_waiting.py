"""planner/waiting.py, accepted.py and draft.py: what a redrive asks, with which settings, and what it leaves."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightfold.contract import Plan
from nightfold.errors import InvalidInput
from nightfold.storage import SITES_KEY, items_key, plan_key, summary_key
from planner import waiting
from planner.plan import Adapters, plan_run
from tests.unit.examples import STARTED, miss, plan_task, site
from tests.unit.outside import Outside, Wire

MISSED = STARTED - timedelta(days=2)


@pytest.fixture(autouse=True)
def site_list(outside: Outside) -> None:
    outside.put(SITES_KEY, [site(name).model_dump() for name in ("harbour", "orchard", "lantern")])


def redrive(planning: Adapters, name: str = "morning", **given: Any) -> Any:
    return plan_run(plan_task(f"arn:{name}", name, {"mode": "redrive"} | given), planning)


def made(outside: Outside, name: str = "morning") -> Plan:
    return Plan.model_validate_json(outside.text(plan_key(name)))


# --- real and simulated -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("simulated", [True, False])
def test_a_redrive_takes_its_own_kind_and_leaves_the_other_where_it_was(
    outside: Outside, planning: Adapters, simulated: bool
) -> None:
    outside.enqueue(miss("harbour", simulated=True), miss("orchard"))
    assert redrive(replace(planning, simulated=simulated)).planned == 1
    assert [entry.site_id for entry in made(outside).sites] == ["harbour" if simulated else "orchard"]
    assert made(outside).simulated is simulated
    assert outside.count(outside.miss_queue) == (1, 1)
    (left,) = outside.drain(outside.miss_queue)
    assert (left["simulated"], left["attempts"]) == (not simulated, 0)


def test_the_other_kind_alone_is_nothing_to_do(outside: Outside, planning: Adapters) -> None:
    outside.enqueue(miss("harbour", simulated=True))
    assert redrive(planning).status == "nothing"
    assert outside.count(outside.miss_queue) == (1, 0)


# --- the current list ---------------------------------------------------------------------------------------------


def test_a_site_is_asked_as_the_list_has_it_now(outside: Outside, planning: Adapters) -> None:
    outside.enqueue(miss(site("harbour", brief="of the night that missed it", max_tokens=300)))
    outside.put(SITES_KEY, [site("harbour", brief="clearer").model_dump()])
    assert redrive(planning).planned == 1
    (item,) = outside.read(items_key("morning", 1))
    assert (item["brief"], item["max_tokens"]) == ("clearer", 2_048)


def test_a_site_that_left_the_list_is_not_asked_and_its_newest_miss_is_kept_for_the_parked_queue(
    outside: Outside, planning: Adapters
) -> None:
    outside.enqueue(miss("gone", age_days=1), miss("gone", error="Refused"))
    assert (redrive(planning).status, made(outside).sites) == ("planned", [])
    (unlisted,) = made(outside).unlisted
    assert (unlisted.miss.error, len(unlisted.messages)) == ("Refused", 2)
    assert outside.count(outside.miss_queue) == (0, 2)


# --- a later success ----------------------------------------------------------------------------------------------


def closed(outside: Outside, run_id: str, started: datetime, *accepted: str, **fields: Any) -> None:
    sites = [{"site_id": name, "accepted": True} for name in accepted]
    summary = {"run_id": run_id, "started_at": started.isoformat(), "duration_s": 60.0, "sites": sites}
    outside.put(summary_key(run_id), summary | fields)


def test_a_site_that_was_accepted_after_its_miss_is_not_asked_again(outside: Outside, planning: Adapters) -> None:
    outside.enqueue(*[miss(name, age_days=2) for name in ("harbour", "orchard", "lantern")])
    closed(outside, "by-hand", MISSED + timedelta(hours=1), "harbour")
    closed(outside, "nightly-2026-11-22", MISSED + timedelta(days=1), "harbour")
    closed(outside, "earlier", MISSED - timedelta(hours=1), "orchard")
    closed(outside, "tried-out", MISSED + timedelta(hours=1), "lantern", simulated=True)
    copied = outside.read(summary_key("nightly-2026-11-22")) | {"duration_s": 3_600.0}
    outside.put(summary_key("nightly-2026-11-22 (copy)"), copied)
    outside.put(summary_key("damaged"), {"sites": 1})
    outside.put(summary_key("endless"), {"run_id": "x", "started_at": "2026-11-22T03:15Z", "duration_s": 1e300})
    assert redrive(planning).planned == 2
    (settled,) = made(outside).settled
    assert (settled.site_id, settled.accepted_in, len(settled.messages)) == ("harbour", "nightly-2026-11-22", 1)
    assert made(outside).attempts.keys() == made(outside).messages.keys() == {"orchard", "lantern"}


def test_a_site_that_was_missed_again_after_its_success_is_asked(outside: Outside, planning: Adapters) -> None:
    outside.enqueue(miss("harbour", age_days=2), miss("harbour"))
    closed(outside, "by-hand", MISSED + timedelta(hours=1), "harbour")
    assert redrive(planning).planned == 1
    assert not made(outside).settled


def test_a_damaged_moment_of_a_miss_ends_no_redrive(outside: Outside, planning: Adapters) -> None:
    outside.enqueue(miss("harbour", missed_at="0001-01-01T00:00:00Z"), miss("orchard"))
    closed(outside, "nightly-2026-11-22", MISSED + timedelta(days=1), "harbour")
    assert redrive(planning).planned == 1


def test_runs_of_long_ago_are_not_read(outside: Outside, planning: Adapters) -> None:
    outside.enqueue(miss("harbour"))
    for day in range(1, 29):
        closed(outside, f"nightly-2026-10-{day:02}", datetime(2026, 10, day, 3, 15, tzinfo=UTC), "harbour")
    wire = Wire(outside.s3)
    redrive(planning)
    assert wire.sent.count("GetObject") < 10


# --- the settings of the run that missed --------------------------------------------------------------------------


def test_what_the_missed_run_was_started_with_applies_again_under_the_redrives_own(
    outside: Outside, planning: Adapters
) -> None:
    older = miss("harbour", age_days=1, overrides={"model": "claude-opus-5-5", "output_token_budget": 9_999})
    newer = miss("orchard", overrides={"model": "claude-haiku-5-5", "entries": 9})
    outside.enqueue(older, newer)
    redrive(planning, entries=2)
    configuration = made(outside).configuration
    assert (configuration.model, configuration.entries) == ("claude-haiku-5-5", 2)
    assert configuration.output_token_budget == 4_096
    assert made(outside).overrides == {"model": "claude-haiku-5-5", "entries": 2}


@pytest.mark.parametrize(
    "overrides",
    [
        {"no_field": 1},
        {"max_concurrency": "many"},
        {"model": "claude-retired-1", "cost_ceiling_usd": 5.0},
        {"output_token_budget": 256, "max_concurrency": 3},
    ],
)
def test_settings_of_the_missed_run_that_fit_no_more_break_no_morning(
    outside: Outside, planning: Adapters, overrides: dict[str, Any]
) -> None:
    outside.enqueue(*[miss(name, overrides=overrides) for name in ("harbour", "orchard", "lantern")])
    assert redrive(planning).planned == 3
    assert made(outside).configuration.cost_ceiling_usd == overrides.get("cost_ceiling_usd")


def test_the_ceiling_of_the_missed_run_holds_for_its_redrive(outside: Outside, planning: Adapters) -> None:
    outside.enqueue(miss("harbour", overrides={"cost_ceiling_usd": 0.001, "max_concurrency": 2}))
    with pytest.raises(InvalidInput, match="cost_ceiling_usd"):
        redrive(planning)
    assert outside.count(outside.miss_queue) == (1, 0)
    assert redrive(planning, "second", cost_ceiling_usd=None).planned == 1


# --- before anything is received ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sites", "complaint"),
    [
        ({"max_concurrency": 0}, None, "max_concurrency"),
        ({"cost_ceiling_usd": 0.0001}, None, "cost_ceiling_usd: one answer of claude-sonnet-5-5 may cost"),
        ({}, [{"site_id": "harbour"}], "sites"),
        ({}, "deleted", f"there is no {SITES_KEY}"),
    ],
)
def test_what_is_refused_is_refused_before_a_message_is_received(
    outside: Outside, planning: Adapters, given: Any, sites: Any, complaint: str
) -> None:
    outside.enqueue(miss("harbour"))
    if sites == "deleted":
        outside.s3.delete_object(Bucket=outside.bucket, Key=SITES_KEY)
    elif sites is not None:
        outside.put(SITES_KEY, sites)
    wire = Wire(outside.sqs)
    with pytest.raises(InvalidInput, match=complaint):
        redrive(planning, **given)
    assert wire.sent == []


# --- many large messages ------------------------------------------------------------------------------------------


def test_a_plan_holds_no_more_bytes_than_the_planner_has_room_for(
    outside: Outside, planning: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "KEPT_BYTES", 2_500)
    outside.enqueue(*[json.dumps({"number": number, "text": "ä" * 500}, ensure_ascii=False) for number in range(5)])
    outside.enqueue(miss("harbour"))
    assert redrive(planning).planned == 1
    assert len(made(outside).unrecognized) == 2
    assert outside.count(outside.miss_queue) == (3, 3)
