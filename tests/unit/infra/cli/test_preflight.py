"""What is checked before a run, and what a redrive would take up."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.overrides import overrides_of
from infra.cli.plan_text import as_json, as_text, before_it_starts, redrive_as_text
from infra.cli.preflight import Selection, configuration_text, order_collection
from infra.cli.redrive_order import order_redrive
from infra.state.lock import in_use
from infra.state.queued_misses import MAX_RECEIVES
from infra.state.unfinished_runs import unfinished_runs
from nightfold.contract import Plan
from nightfold.errors import InvalidInput
from tests.unit.infra.state.test_queued_misses import miss, put

SITES = Path(__file__).parents[4] / "events" / "sites.json"
ALL = Selection(SITES)


@pytest.mark.parametrize(
    ("concurrency", "settings", "environment", "overrides"),
    [
        (None, [], {}, {}),
        ("3", [], {}, {"max_concurrency": 3}),
        (None, [], {"MAX_CONCURRENCY": "2"}, {"max_concurrency": 2}),
        ("3", [], {"MAX_CONCURRENCY": "nonsense"}, {"max_concurrency": 3}),
        (None, [], {"MAX_CONCURRENCY": ""}, {}),
        ("3", ["max_concurrency=5"], {}, {"max_concurrency": 3}),
        (None, ["max_concurrency=5"], {"MAX_CONCURRENCY": "2"}, {"max_concurrency": 5}),
        (
            None,
            ["model=claude-haiku-5-5", "cost_ceiling_usd=null"],
            {},
            {"model": "claude-haiku-5-5", "cost_ceiling_usd": None},
        ),
    ],
)
def test_options_become_fields_and_the_nearer_one_wins(
    concurrency: str | None, settings: list[str], environment: dict[str, str], overrides: dict[str, Any]
) -> None:
    assert overrides_of(concurrency, settings, environment) == overrides


@pytest.mark.parametrize(
    ("concurrency", "settings", "environment", "complaint"),
    [
        ("0", [], {}, "--concurrency: must be at least 1, not 0"),
        (None, ["request_timeout_s=long"], {}, '--set request_timeout_s: must be a whole number, not "long"'),
        (None, ["model=a=b"], {}, '--set model: must match .*, not "a=b"'),
        (None, ["modle=x"], {}, r"--set: no field 'modle', did you mean 'model'\?; known are max_concurrency, "),
        (None, [], {"MAX_CONCURRENCY": "0"}, "MAX_CONCURRENCY in the environment: must be at least 1, not 0"),
    ],
)
def test_a_bad_value_is_named_as_it_was_given(
    concurrency: str | None, settings: list[str], environment: dict[str, str], complaint: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^{complaint}"):
        overrides_of(concurrency, settings, environment)


def test_the_order_carries_what_the_execution_is_started_with(tmp_path: Path) -> None:
    order = order_collection(tmp_path, ALL, {"max_concurrency": 2})
    assert order.execution_input == {"mode": "collect", "max_concurrency": 2}
    assert (order.at_once, order.tokens_each, order.site_list) == (2, 2_048, SITES.read_bytes())
    assert order.name.startswith("manual-20")
    assert order.name == order.plan.run_id


def test_the_order_is_narrowed_and_the_list_stays_whole(tmp_path: Path) -> None:
    order = order_collection(tmp_path, Selection(SITES, ["meadow", "harbour", "lantern"], 2), {})
    assert order.execution_input == {"mode": "collect", "only": ["meadow", "harbour", "lantern"], "limit": 2}
    assert [site.site_id for site in order.plan.sites] == ["harbour", "lantern"]
    assert order.site_list == SITES.read_bytes()
    with pytest.raises(InvalidInput, match=r"^--only: there is no site 'medow' in the list; the nearest is 'meadow'$"):
        order_collection(tmp_path, Selection(SITES, ["medow"]), {})


@pytest.mark.parametrize(("speed", "timeout_s"), [(0.1, 600), (7, 18), (1_000, 1)])
def test_in_a_faster_world_requests_time_out_sooner(speed: float, timeout_s: int, tmp_path: Path) -> None:
    order = order_collection(tmp_path, ALL, {}, speed)
    assert order.execution_input["request_timeout_s"] == timeout_s


def test_the_configuration_is_the_state_directorys_unless_nobody_edited_it(tmp_path: Path) -> None:
    default = configuration_text(tmp_path)
    assert json.loads(default)["max_concurrency"] == 4
    (tmp_path / "configuration.json").write_text('{"max_concurrency": 7}\n')
    assert configuration_text(tmp_path) == '{"max_concurrency": 7}'
    deployed = {"schema_version": 1, "deployed": {"configuration.json": '{"max_concurrency": 7}'}}
    (tmp_path / "state.json").write_text(json.dumps(deployed))
    assert configuration_text(tmp_path) == default, "the template has a newer default, and the file is the older one"


def test_a_redrive_takes_one_branch_for_each_site_and_leaves_worn_out_messages(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour"))
    put(tmp_path, "MissQueue", "b", miss("harbour", attempts=2))
    put(tmp_path, "MissQueue", "c", miss("orchard"), received=MAX_RECEIVES)
    put(tmp_path, "MissQueue", "d", "hello")
    put(tmp_path, "MissQueue", "e", miss("gone"))
    order = order_redrive(tmp_path, {})
    assert [site.site_id for site in order.plan.sites] == ["harbour"]
    assert len(order.plan.unrecognized) == 1
    text = "\n".join(redrive_as_text(order, tmp_path, 80))
    assert "1 message would be parked: not a miss of Nightfold." in text
    assert "1 site would be parked: no longer in the site list." in text
    assert "Worst case: 6 calls" in text


def test_a_redrive_of_nothing_says_so(tmp_path: Path) -> None:
    assert redrive_as_text(order_redrive(tmp_path, {}), tmp_path, 80) == ["No site would run: no miss waits."]


@pytest.mark.parametrize(
    ("simulated", "words"),
    [
        (False, "redrive: 2 simulated misses not touched: .* To collect: .*nightfold redrive --simulate --state-dir "),
        (True, "redrive: 2 real misses not touched: .* To collect: export ANTHROPIC_API_KEY="),
    ],
)
def test_a_redrive_takes_only_misses_of_its_own_kind(tmp_path: Path, simulated: bool, words: str) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour", simulated=not simulated))
    put(tmp_path, "MissQueue", "b", miss("orchard", simulated=not simulated))
    with pytest.raises(InvalidInput, match=words):
        order_redrive(tmp_path, {}, simulated=simulated)
    put(tmp_path, "MissQueue", "c", miss("lantern", simulated=simulated))
    order = order_redrive(tmp_path, {}, simulated=simulated)
    assert [site.site_id for site in order.plan.sites] == ["lantern"]
    headline, _, notice = "\n".join(before_it_starts(order, tmp_path)).split("\n")
    assert headline.startswith("1 site, 1 at once")
    assert notice.startswith("2 ")


def test_a_redrive_repeats_the_settings_of_the_missed_run_under_its_own(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour", overrides={"max_concurrency": 2, "candidates_per_site": 3}))
    plan = order_redrive(tmp_path, {"candidates_per_site": 7}).plan
    assert (plan.configuration.max_concurrency, plan.configuration.candidates_per_site) == (2, 7)


def test_a_simulated_redrive_has_a_timeout_for_its_own_speed(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour", simulated=True, overrides={"request_timeout_s": 2}))
    assert order_redrive(tmp_path, {}, simulated=True).plan.configuration.request_timeout_s == 120


def died(state_dir: Path, answers: dict[str, str]) -> Plan:
    """A run that stored these answers, and then its process was gone."""
    plan = order_collection(state_dir, ALL, {}).plan
    run = state_dir / "runs" / plan.run_id
    outcomes = run / "round-1" / "outcomes"
    outcomes.mkdir(parents=True)
    (run / "plan.json").write_text(plan.model_dump_json())
    for site, text in answers.items():
        answer = {
            "text": text,
            "stop_reason": "end_turn",
            "input_tokens": 1,
            "output_tokens": 1,
            "model": "claude",
            "request_id": None,
            "latency_ms": 1,
            "rate_limits": {},
        }
        outcome = {
            "run_id": plan.run_id,
            "round": 1,
            "site_id": site,
            "outcome": "answered",
            "answer": answer,
            "failure": None,
        }
        (outcomes / f"{site}.json").write_text(json.dumps(outcome))
    return plan


def test_a_redrive_takes_up_what_a_dead_run_had_not_collected(tmp_path: Path) -> None:
    plan = died(tmp_path, {"harbour": '[{"title": "A title", "angle": "An angle"}]', "orchard": "no JSON"})
    order = order_redrive(tmp_path, {})
    assert [site.site_id for site in order.plan.sites] == ["orchard", "lantern", "meadow"]
    text = "\n".join(redrive_as_text(order, tmp_path, 80))
    assert f"Run {plan.run_id} ended before its census and would be closed first: 2 of 4 outcomes stored." in text


def test_a_closed_run_is_not_unfinished(tmp_path: Path) -> None:
    plan = died(tmp_path, {})
    assert [run.run_id for run in unfinished_runs(tmp_path)] == [plan.run_id]
    (tmp_path / "runs" / plan.run_id / "summary.json").write_text("{}")
    assert list(unfinished_runs(tmp_path)) == []


def test_nobody_uses_a_state_directory_that_is_not_there(tmp_path: Path) -> None:
    assert not in_use(tmp_path / "nowhere")


def test_the_plan_states_tokens_and_the_worst_case(tmp_path: Path) -> None:
    order = order_collection(tmp_path, ALL, {"max_concurrency": 2})
    document = json.loads(as_json(order))
    assert (document["planned"], document["branches_at_once"], document["max_tokens"]) == (4, 2, 2_048)
    assert {site["site_id"]: site["max_tokens"] for site in document["sites"]}["meadow"] == 1_024  # its own
    assert document["worst_case"]["model_calls"] == 24
    text = "\n".join(as_text(order, 80))
    assert "4 sites, 2 at once, 2,048 output tokens each, claude-sonnet-5-5" in text
    assert "Nothing was started." in text
