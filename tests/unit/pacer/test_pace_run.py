"""pacer/pace_run.py: decisions that are stored once, the items of each wave, and what later runs start from."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

import pacer.handler
from nightfold.branch import SiteTask
from nightfold.contract import Plan, RunState
from nightfold.errors import UnexpectedError
from nightfold.storage import (
    PROFILE_KEY,
    Bucket,
    items_key,
    outcome_key,
    pace_key,
    plan_key,
    wave_items_key,
)
from nightfold.waves import Profile, Stop, read_paces
from pacer.pace_run import Adapters, PaceTask, pace_run
from planner.draft import items
from tests.support.questions import CANDIDATES
from tests.unit.examples import STARTED, answered, failed, plan, raised, wave
from tests.unit.outside import Crash, Outside, Wire, error

HEADERS = {
    f"anthropic-ratelimit-{family}-{part}": value
    for family, limit in (("requests", "1000"), ("input-tokens", "2000000"), ("output-tokens", "400000"))
    for part, value in (("limit", limit), ("remaining", limit))
}
DENIED = raised("AccessDenied", "attempt 1: 401 authentication_error: invalid x-api-key")


@pytest.fixture
def pacing(bucket: Bucket) -> Adapters:
    return Adapters(bucket=bucket, reserved_concurrency=0)


def begin(outside: Outside, count: int, run_id: str = "night", **of_plan: Any) -> Plan:
    planned = plan(*[f"site-{number}" for number in range(count)], run_id=run_id, **of_plan)
    outside.put(plan_key(run_id), planned.model_dump(mode="json"))
    outside.put(items_key(run_id, 1), json.loads(items(planned)))
    return planned


def next_wave(pacing: Adapters, wave: int, *, round_: int = 1, run_id: str = "night", hours: float = 0) -> RunState:
    """`hours`: how long ago the execution began."""
    began = datetime.now(UTC) - timedelta(hours=hours)
    return pace_run(PaceTask(run_id=run_id, round=round_, wave=wave, started_at=began), pacing)


def sites_of(outside: Outside, state: RunState) -> list[str]:
    return [item["site_id"] for item in outside.read(state.items_key)]


def answer_all(outside: Outside, state: RunState, **fields: Any) -> None:
    """Each branch of the wave is answered after 20 s."""
    ended = STARTED + timedelta(seconds=20)
    for site_id in sites_of(outside, state):
        outcome = answered(state.run_id, site_id, round_=state.round, rate_limits=HEADERS, latency_ms=20_000, **fields)
        outcome = outcome.model_copy(update={"started_at": STARTED, "ended_at": ended})
        outside.put(outcome_key(state.run_id, state.round, site_id), outcome.model_dump(mode="json"))


def fail_all(outside: Outside, state: RunState, caught: object) -> None:
    for site_id in sites_of(outside, state):
        outcome = failed(state.run_id, site_id, caught, round_=state.round, reason="unknown")
        outside.put(outcome_key(state.run_id, state.round, site_id), outcome.model_dump(mode="json"))


def play(outside: Outside, pacing: Adapters, run_id: str = "night") -> list[RunState]:
    """All waves of round 1; every site is answered. The last state is the end of the round."""
    states = [next_wave(pacing, 0, run_id=run_id)]
    while states[-1].status == "wave":
        answer_all(outside, states[-1])
        states.append(next_wave(pacing, states[-1].wave, run_id=run_id))
    return states


def stop_of(pacing: Adapters) -> Stop:
    stop = read_paces(pacing.bucket, "night", 1)[-1].stop
    assert stop is not None
    return stop


def test_four_sites_are_one_wave(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 4)
    first = next_wave(pacing, 0)
    assert (first.status, first.wave, first.max_concurrency, first.planned) == ("wave", 1, 4, 4)
    assert first.items_key == wave_items_key("night", 1, 1)
    assert outside.read(first.items_key) == outside.read(items_key("night", 1))
    answer_all(outside, first)
    assert next_wave(pacing, 1).status == "round_over"


def test_every_site_is_in_exactly_one_wave_and_the_number_grows(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 300)
    *waves, end = play(outside, pacing)
    assert [site for state in waves for site in sites_of(outside, state)] == [f"site-{n}" for n in range(300)]
    assert [state.max_concurrency for state in waves][:4] == [4, 8, 16, 32]
    assert max(state.max_concurrency for state in waves) <= 100
    assert end.status == "round_over"
    stored = read_paces(pacing.bucket, "night", 1)
    assert [pace.left for pace in stored] == sorted((pace.left for pace in stored), reverse=True)
    assert stored[1].seen is not None
    assert (stored[1].seen.answered, stored[1].seen.latency_s) == (4, 80)
    assert stored[1].spent_usd == pytest.approx(4 * (210 * 2 + 190 * 10) / 1_000_000)


@pytest.mark.parametrize(("limit", "reserved", "most"), [(10, 0, 10), (100, 6, 6), (5, 6, 5)])
def test_there_are_never_more_at_once_than_the_limit_or_what_lambda_reserves(
    outside: Outside, bucket: Bucket, limit: int, reserved: int, most: int
) -> None:
    begin(outside, 200, concurrency_limit=limit)
    states = play(outside, Adapters(bucket=bucket, reserved_concurrency=reserved))
    assert max(state.max_concurrency for state in states) == most


def test_a_number_is_kept_in_every_wave_and_in_round_2_more_tokens_lower_it(outside: Outside, pacing: Adapters) -> None:
    planned = begin(outside, 40, max_concurrency=4)
    assert {state.max_concurrency for state in play(outside, pacing)} == {4}
    again = [json.loads(items(planned))[0] | {"round": 2, "max_tokens": 2_048}]
    outside.put(items_key("night", 2), again * 3)
    assert next_wave(pacing, 0, round_=2).max_concurrency == 2
    assert PROFILE_KEY not in outside.keys()  # noqa: SIM118 - a number says nothing about the account


def test_a_second_attempt_repeats_the_decision(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 40)
    first = next_wave(pacing, 0)
    answer_all(outside, first)
    second = next_wave(pacing, 1)
    fail_all(outside, first, DENIED)  # would stop the run, if it were looked at again
    assert next_wave(pacing, 1) == second
    assert next_wave(pacing, 0) == first


def test_a_wrong_key_costs_one_wave_and_the_rest_is_not_begun(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 500)
    first = next_wave(pacing, 0)
    fail_all(outside, first, DENIED)
    assert next_wave(pacing, 1).status == "round_over"
    decided = read_paces(pacing.bucket, "night", 1)[-1]
    assert (stop_of(pacing).reason, decided.wave, decided.left, decided.sites) == ("unknown", 2, 496, 0)
    assert "refused the key" in decided.why


def test_a_map_that_left_no_outcome_is_not_tried_again(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 500)
    next_wave(pacing, 0)
    assert next_wave(pacing, 1).status == "round_over"
    assert stop_of(pacing).reason == "network"
    assert "the Map itself failed" in stop_of(pacing).message


def test_no_wave_begins_that_could_not_end_in_time(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 500, max_concurrency=1)
    first = next_wave(pacing, 0)
    answer_all(outside, first)
    assert next_wave(pacing, 1, hours=5.6).status == "round_over"
    assert "time limit" in stop_of(pacing).message


def test_under_a_ceiling_no_wave_could_pass_it(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 100, cost_ceiling_usd=0.25)
    prompt = CANDIDATES.prompt_tokens(SiteTask.model_validate(outside.read(items_key("night", 1))[0]).given)
    longest = (prompt * 2 + 2_048 * 10) / 1_000_000
    states = play(outside, pacing)
    stored = read_paces(pacing.bucket, "night", 1)
    assert stop_of(pacing)
    assert stored[-1].left > 0
    assert "cost_ceiling_usd is $0.25" in stored[-1].why
    for state, pace in zip(states, stored, strict=True):
        assert (pace.spent_usd or 0) + pace.sites * longest <= 0.25 + 1e-9, state


def test_round_2_goes_on_from_what_round_1_saw_and_spent(outside: Outside, pacing: Adapters) -> None:
    planned = begin(outside, 30, cost_ceiling_usd=5)
    play(outside, pacing)
    outside.put(items_key("night", 2), [json.loads(items(planned))[0] | {"round": 2}])
    wire = Wire(pacing.bucket._s3)
    again = next_wave(pacing, 0, round_=2)
    assert (again.status, again.wave, again.round) == ("wave", 1, 2)
    decided = read_paces(pacing.bucket, "night", 2)[0]
    assert decided.spent_usd == pytest.approx(30 * (210 * 2 + 190 * 10) / 1_000_000)
    assert len(wire.sent) < 15, "the outcomes of round 1 are not read again"


def test_what_a_run_found_is_where_the_next_one_starts(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 300)
    found = max(state.max_concurrency for state in play(outside, pacing))
    profile = Profile.model_validate(outside.read(PROFILE_KEY))
    assert profile.simulated == {}
    carried = profile.models["claude-sonnet-5-5"]
    assert (carried.run_id, carried.output_tokens, carried.latency_s) == ("night", 190, 20)
    assert 4 < carried.max_concurrency <= found
    begin(outside, 300, run_id="second")
    assert next_wave(pacing, 0, run_id="second").status == "wave"
    (first,) = read_paces(pacing.bucket, "second", 1)
    assert first.carried == carried
    assert "run night" in first.why


def test_simulated_and_real_runs_do_not_learn_from_each_other(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 100, simulated=True)
    play(outside, pacing)
    assert Profile.model_validate(outside.read(PROFILE_KEY)).models == {}
    begin(outside, 100, run_id="real")
    next_wave(pacing, 0, run_id="real")
    assert read_paces(pacing.bucket, "real", 1)[0].carried is None


@pytest.mark.parametrize("note", [b"", b"{", b'{"models": {"claude-sonnet-5-5": {"max_concurrency": 0}}}'])
def test_a_note_that_cannot_be_read_is_replaced(outside: Outside, pacing: Adapters, note: bytes) -> None:
    outside.s3.put_object(Bucket=outside.bucket, Key=PROFILE_KEY, Body=note)
    begin(outside, 20)
    play(outside, pacing)
    assert Profile.model_validate(outside.read(PROFILE_KEY)).models


def test_a_note_that_cannot_be_stored_stops_nobody(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 4)
    answer_all(outside, next_wave(pacing, 0))
    Wire(outside.s3).fail("PutObject", *[error(503, "SlowDown")] * 5, about="config/pace.json")
    assert next_wave(pacing, 1).status == "round_over"


# To die after call n is nearly to die before call n + 1, so one of each is enough.
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_call_of_the_pacer_and_another_try_leave_the_same_waves(
    outside: Outside, aws_session: boto3.Session, after: bool
) -> None:
    quiet = outside.unwatched(aws_session)
    wire, crashed, expected = Wire(outside.s3), 0, None
    for number in range(60):
        run_id = f"night-{number}"
        begin(quiet, 12, run_id)
        quiet.s3.delete_object(Bucket=quiet.bucket, Key=PROFILE_KEY)
        watched = Adapters(bucket=Bucket(outside.bucket, outside.s3), reserved_concurrency=0)
        waves, over = [], 0
        with wire.crash(number, after=after) if number else wire.crash(10_000, after=after):
            while True:
                try:
                    state = next_wave(watched, over, run_id=run_id)
                except Crash:
                    crashed += 1
                    watched = Adapters(bucket=Bucket(quiet.bucket, quiet.s3), reserved_concurrency=0)
                    continue
                if state.status != "wave":
                    break
                waves.append((state.max_concurrency, sites_of(quiet, state)))
                answer_all(quiet, state)
                over = state.wave
        expected = expected or waves
        assert waves == expected, number
        if number and crashed < number:
            break
    assert crashed > 15
    assert sorted(site for _, sites in expected or [] for site in sites) == sorted(f"site-{n}" for n in range(12))


def test_a_decision_that_is_missing_is_an_error(outside: Outside, pacing: Adapters) -> None:
    begin(outside, 40)
    with pytest.raises(UnexpectedError, match="wave 1 of round 1 is missing"):
        next_wave(pacing, 1)


def test_a_run_without_a_plan_is_an_error(pacing: Adapters) -> None:
    with pytest.raises(UnexpectedError, match=r"it has no plan\.json"):
        next_wave(pacing, 0)


def test_the_log_has_numbers_and_no_messages(outside: Outside, pacing: Adapters, printed: Callable[[], str]) -> None:
    begin(outside, 40)
    fail_all(outside, next_wave(pacing, 0), raised("RequestRejected", "attempt 1: 400: MARKER-c0ffee"))
    fail_all(outside, next_wave(pacing, 1), raised("RequestRejected", "attempt 1: 400: MARKER-c0ffee"))
    assert next_wave(pacing, 2).status == "round_over"
    text = printed()
    lines = [json.loads(line) for line in text.splitlines()]
    steps = [line for line in lines if line.get("step") == "pace"]
    assert [(line["wave"], line["status"], line["stopped"]) for line in steps] == [
        (1, "wave", None),
        (2, "wave", None),
        (3, "round_over", "unknown"),
    ]
    assert [line["Concurrency"] for line in lines if "_aws" in line] == [[4.0], [4.0]]
    assert "MARKER" not in text


def test_the_handler_gives_plain_json(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET", outside.bucket)
    monkeypatch.setenv("COLLECTOR_RESERVED_CONCURRENCY", "0")
    begin(outside, 4)
    event = {"run_id": "night", "round": 1, "wave": 0, "started_at": STARTED.isoformat()}
    state = pacer.handler.handler(event, None)
    assert json.loads(json.dumps(state))["status"] in {"wave", "round_over"}
    with pytest.raises(UnexpectedError, match=r"event\.wave: must be at least 0"):
        pacer.handler.handler(event | {"wave": -1}, None)


def test_paces_end_at_one_that_cannot_be_read(outside: Outside, bucket: Bucket) -> None:
    planned = plan("a", "b")
    outside.put(pace_key("night", 1, 1), wave(planned, sites=1).model_dump(mode="json"))
    outside.put(pace_key("night", 1, 2), {"hello": "world"})
    assert [pace.sites for pace in read_paces(bucket, "night", 1)] == [1]
