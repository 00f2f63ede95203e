"""infra/statemachine/nightly.asl.json: checks that moto's engine does not make, or that no engine can make."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from samtranslator.yaml_helper import yaml_parse

import planner.miss_queue
from aggregator.aggregate import AggregateTask
from infra.cli.progress import RETRIES
from nightfold import errors
from nightfold.branch import CollectorEvent, Outcome
from nightfold.budget import CALLS_PER_ROUND
from nightfold.errors import BRANCH_ERRORS
from nightfold.run_folders import SetAside
from nightfold.settings import RunConfiguration
from nightfold.storage import outcome_key, unclosable_key
from pacer.pace_run import PaceTask
from planner.draft import PlanTask
from reporter.digest import DigestTask
from reporter.words import words_for

ROOT = Path(os.environ.get("NIGHTFOLD_DESCRIBED_IN") or Path(__file__).parents[3])
TEXT = (ROOT / "infra/statemachine/nightly.asl.json").read_text(encoding="utf-8")
MACHINE = json.loads(TEXT)
RESOURCES = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]

AWS_ERRORS = {
    *(name for name, handling in BRANCH_ERRORS.items() if handling.named_by == "aws"),
    "States.ALL",
    "States.TaskFailed",
}
OF_THE_COLLECTOR = {name for name, handling in BRANCH_ERRORS.items() if handling.named_by == "collector"}


def machines(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine and every machine inside a Map."""
    yield machine
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from machines(state["ItemProcessor"])


def all_states() -> Iterator[tuple[str, dict[str, Any]]]:
    for machine in machines(MACHINE):
        yield from machine["States"].items()


STATES = dict(all_states())
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
AFTER_A_KILL = STATES["PlanRun"]["Retry"][1]
LAMBDAS = {name: state for name, state in TASKS.items() if state["Resource"] == "arn:aws:states:::lambda:invoke"}


def next_states(state: dict[str, Any]) -> Iterator[str]:
    for owner in (state, *state.get("Choices", []), *state.get("Catch", [])):
        yield from (owner[key] for key in ("Next", "Default") if key in owner)


def handlers(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in STATES.items():
        for handler in state.get(kind, []):
            yield name, handler


def strings(document: Any) -> Iterator[tuple[str, str]]:
    """Every key with a text value, at any depth."""
    if isinstance(document, dict):
        for key, value in document.items():
            if isinstance(value, str):
                yield key, value
            yield from strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from strings(value)


def test_the_scans_below_see_something() -> None:
    assert len(list(machines(MACHINE))) == 2
    assert len(STATES) >= 14
    assert len(TASKS) >= 5
    assert len(LAMBDAS) >= 4
    assert len(list(handlers("Retry"))) >= 6
    assert len(list(handlers("Catch"))) >= 5


def test_names_are_unique_in_the_whole_file() -> None:
    names = [name for name, _ in all_states()]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", STATES)
def test_every_state_says_why_it_is_there(name: str) -> None:
    assert len(STATES[name]["Comment"].split()) >= 5
    for kind in ("Retry", "Catch"):
        for handler in STATES[name].get(kind, []):
            assert len(handler["Comment"].split()) >= 4


@pytest.mark.parametrize("machine", list(machines(MACHINE)), ids=["night", "branch"])
def test_every_transition_leads_to_a_state_and_every_state_is_reachable(machine: dict[str, Any]) -> None:
    states = machine["States"]
    reached, waiting = set(), [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        assert name in states, f"a transition leads to {name}"
        if name not in reached:
            reached.add(name)
            waiting.extend(next_states(states[name]))
    assert reached == states.keys()


def test_the_machine_names_every_error_class_and_only_those() -> None:
    ours = {name: value for name, value in vars(errors).items() if getattr(value, "__module__", "") == errors.__name__}
    classes = {name for name, value in ours.items() if isinstance(value, type) and issubclass(value, Exception)}
    named = {name for kind in ("Retry", "Catch") for _, handler in handlers(kind) for name in handler["ErrorEquals"]}
    assert classes > OF_THE_COLLECTOR
    assert named - AWS_ERRORS == classes
    assert named >= AWS_ERRORS, "a name that is listed above is no longer used"


def test_branches_are_routed_as_the_table_of_errors_says_in_both_directions() -> None:
    def of_the_table(**wanted: str) -> set[str]:
        of_the_branch = {name: each for name, each in BRANCH_ERRORS.items() if each.named_by != "aggregator"}
        return {name for name, each in of_the_branch.items() if wanted.items() <= each._asdict().items()}

    patient, brief = STATES["CollectSite"]["Retry"]
    network, unknown, rest = STATES["CollectSite"]["Catch"]
    assert set(patient["ErrorEquals"]) == of_the_table(retried="patiently")
    assert set(brief["ErrorEquals"]) == of_the_table(retried="briefly")
    assert set(network["ErrorEquals"]) == of_the_table(reason="network")
    assert set(unknown["ErrorEquals"]) == of_the_table(reason="unknown")
    assert (network["Next"], unknown["Next"], rest["Next"]) == ("NetworkFailure", "UnknownFailure", "UnknownFailure")
    for name, reason in (("NetworkFailure", "network"), ("UnknownFailure", "unknown")):
        assert STATES[name]["Parameters"]["outcome"]["failure"]["reason"] == reason
    assert len(of_the_table()) >= 15


def test_words_and_live_view_count_the_retries_that_the_machine_makes() -> None:
    patient, brief = STATES["CollectSite"]["Retry"]
    for retrier, retried in ((patient, "patiently"), (brief, "briefly")):
        assert RETRIES[retried] == retrier["MaxAttempts"]
        times = ["", "once", "twice", "three times", "four times", "five times", "six times", "seven times"]
        for name in retrier["ErrorEquals"]:
            assert times[1 + retrier["MaxAttempts"]] in words_for(name).meaning, name
    assert RETRIES[None] == 0


def test_states_all_is_only_in_a_catch_alone_and_last() -> None:
    assert not [name for name, retrier in handlers("Retry") if "States.ALL" in retrier["ErrorEquals"]]
    found = 0
    for state in STATES.values():
        for position, catcher in enumerate(state.get("Catch", [])):
            if "States.ALL" in catcher["ErrorEquals"]:
                found += 1
                assert catcher["ErrorEquals"] == ["States.ALL"]
                assert position == len(state["Catch"]) - 1
    assert found >= 2


def test_no_error_is_retried_or_caught_twice_in_one_state() -> None:
    for name, state in STATES.items():
        for kind in ("Retry", "Catch"):
            names = [error for handler in state.get(kind, []) for error in handler["ErrorEquals"]]
            assert len(names) == len(set(names)), f"{name}, {kind}"


def test_every_retry_is_bounded_and_spread() -> None:
    for name, retrier in handlers("Retry"):
        assert 1 <= retrier["MaxAttempts"] <= 6, name
        if retrier is not AFTER_A_KILL:
            assert retrier["JitterStrategy"] == "FULL", name
            assert retrier["BackoffRate"] > 1, name
            assert retrier["IntervalSeconds"] <= retrier["MaxDelaySeconds"] <= 120, name


def test_a_planner_that_may_have_been_killed_is_retried_when_what_it_received_is_visible_again() -> None:
    assert 0 < AFTER_A_KILL["IntervalSeconds"] - planner.miss_queue.PLANNING_S <= 30
    assert "JitterStrategy" not in AFTER_A_KILL, "full jitter may wait for no time at all"
    assert (AFTER_A_KILL["BackoffRate"], AFTER_A_KILL["MaxAttempts"]) == (1, 2), "each wait delays the night"
    ran = {name for name, each in BRANCH_ERRORS.items() if each.named_by == "aws"} - {
        "Runtime.OutOfMemory",  # not retried: the next attempt would need as much
        "Lambda.TooManyRequestsException",
        "Lambda.CodeArtifactUserPendingException",
    }
    assert set(AFTER_A_KILL["ErrorEquals"]) == ran


def test_a_branch_makes_as_many_calls_as_the_worst_case_counts() -> None:
    (retrier,) = [r for name, r in handlers("Retry") if name == "CollectSite" and "RateLimited" in r["ErrorEquals"]]
    assert "Lambda.Unknown" in retrier["ErrorEquals"], "the function ran, and its call may be billed"
    assert 1 + retrier["MaxAttempts"] == CALLS_PER_ROUND
    assert {"Overloaded", "NetworkError", "ModelTimeout", "Sandbox.Timedout", "States.Timeout"} < {
        *retrier["ErrorEquals"]
    }


# --- timeouts ------------------------------------------------------------------------------------------------------


def function_of(state: dict[str, Any]) -> dict[str, Any]:
    """The function's properties in the template."""
    substitution = re.fullmatch(r"\$\{(\w+)Arn\}", state["Parameters"]["FunctionName"])
    assert substitution is not None
    properties: dict[str, Any] = RESOURCES[substitution[1]]["Properties"]
    return properties


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_timeout_below_the_machines(name: str) -> None:
    assert 0 < TASKS[name]["TimeoutSeconds"] < MACHINE["TimeoutSeconds"]


@pytest.mark.parametrize("name", LAMBDAS)
def test_a_function_times_out_before_its_task(name: str) -> None:
    assert function_of(LAMBDAS[name])["Timeout"] < LAMBDAS[name]["TimeoutSeconds"]


def test_the_request_times_out_before_the_function() -> None:
    longest = RunConfiguration.model_json_schema()["properties"]["request_timeout_s"]["maximum"]
    assert longest == 600
    assert longest < RESOURCES["Collector"]["Properties"]["Timeout"] < STATES["CollectSite"]["TimeoutSeconds"]


def test_a_miss_stays_hidden_for_longer_than_the_longest_run() -> None:
    hidden = RESOURCES["MissQueue"]["Properties"]["VisibilityTimeout"]
    assert planner.miss_queue.RUN_S == hidden > MACHINE["TimeoutSeconds"]
    assert RESOURCES["Planner"]["Properties"]["Timeout"] == planner.miss_queue.PLANNING_S


# --- what only AWS, or only the local engine, would refuse -----------------------------------------------------------


def test_functions_are_invoked_only_through_the_optimised_integration() -> None:
    assert "lambda:function" not in TEXT
    assert {state["Resource"] for state in TASKS.values()} == {
        "arn:aws:states:::lambda:invoke",
        "arn:aws:states:::aws-sdk:s3:putObject",
    }


def test_substitutions_of_template_and_machine_are_the_same() -> None:
    given = RESOURCES["Nightly"]["Properties"]["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == given.keys()


def test_paths_are_plain_dotted_ones() -> None:
    paths = {value for key, value in strings(MACHINE) if key.endswith((".$", "Path", "Variable"))}
    assert len(paths) >= 15
    plain = r"\$(\$\.(Execution|State)\.\w+|(\.\w+)*)"
    inside = rf"States\.(Format|JsonToString|StringToJson)\(('[^']*', )?{plain}(, {plain})*\)"
    assert [path for path in sorted(paths) if not re.fullmatch(f"{plain}|{inside}", path)] == []


def test_nothing_needs_jsonata() -> None:
    assert MACHINE.get("QueryLanguage", "JSONPath") == "JSONPath"
    assert not {"Assign", "Arguments", "Output", "QueryLanguage"} & {key for s in STATES.values() for key in s}


def test_the_map_is_distributed_tolerates_everything_and_returns_nothing() -> None:
    collect = STATES["CollectSites"]
    assert collect["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert collect["ToleratedFailurePercentage"] == 100.0
    assert isinstance(collect["ToleratedFailurePercentage"], float)  # the local engine refuses a whole number
    assert collect["MaxConcurrencyPath"] == "$.max_concurrency"
    assert collect["ResultPath"] is None
    assert STATES["StoreOutcome"]["ResultSelector"] == {}


def test_success_and_failure_have_the_same_keys() -> None:
    for name in ("NetworkFailure", "UnknownFailure"):
        keys = {key.removesuffix(".$") for key in STATES[name]["Parameters"]["outcome"]}
        assert STATES[name]["ResultPath"] == STATES["CollectSite"]["ResultPath"] == "$.collected"
        assert keys == Outcome.model_fields.keys(), name
        assert STATES[name]["Next"] == STATES["CollectSite"]["Next"] == "StoreOutcome"


def test_the_outcome_is_stored_where_the_aggregator_looks() -> None:
    key = STATES["StoreOutcome"]["Parameters"]["Key.$"]
    template, *arguments = re.findall(r"'([^']*)'|(\$\.\w+)", key)
    assert template[0].format("night", 2, "harbour") == outcome_key("night", 2, "harbour")
    assert [argument[1] for argument in arguments] == ["$.run_id", "$.round", "$.site_id"]


def test_no_branch_ever_fails() -> None:
    branch = STATES["CollectSites"]["ItemProcessor"]["States"]
    assert not [name for name, state in branch.items() if state["Type"] == "Fail"]
    for name, state in branch.items():
        assert state["Type"] != "Task" or state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
    (last,) = STATES["StoreOutcome"]["Catch"]
    assert STATES[last["Next"]]["Type"] == "Pass"
    assert (STATES[last["Next"]]["Result"], STATES[last["Next"]]["End"]) == ({}, True)


def test_each_function_gets_the_event_that_it_reads() -> None:
    models: dict[str, type[BaseModel]] = {
        "PlanRun": PlanTask,
        "PaceRun": PaceTask,
        "CollectSite": CollectorEvent,
        "AggregateOutcomes": AggregateTask,
        "CloseDeadRun": AggregateTask,
        "PublishDigest": DigestTask,
    }
    assert models.keys() == LAMBDAS.keys()
    for name, model in models.items():
        sent = {key.removesuffix(".$") for key in STATES[name]["Parameters"]["Payload"]}
        assert sent == model.model_fields.keys(), name


def test_only_a_night_without_anything_accepted_fails() -> None:
    assert {name for name, state in STATES.items() if state["Type"] == "Fail"} == {"PlanRefused", "NothingCollected"}
    succeeding = {
        (choice["Variable"], choice["StringEquals"])
        for choice in STATES["HowDidItGo?"]["Choices"]
        if choice["Next"] == "RunFinished"
    }
    assert succeeding == {("$.status", "complete"), ("$.status", "partial"), ("$.mode", "redrive")}
    assert STATES["HowDidItGo?"]["Default"] == "NothingCollected"


def test_a_dead_run_that_cannot_be_closed_is_set_aside_where_the_planner_looks() -> None:
    (caught,) = STATES["CloseDeadRun"]["Catch"]
    assert caught["ErrorEquals"] == ["States.ALL"]
    assert (caught["Next"], STATES[caught["Next"]]["Next"]) == ("DescribeDeadRun", "SetDeadRunAside")
    assert STATES["SetDeadRunAside"]["Next"] == STATES["CloseDeadRun"]["Next"] == "PlanRun"
    assert "Catch" not in STATES["SetDeadRunAside"], "without the mark PlanRun would find the same run for ever"
    template = re.findall(r"'([^']*)'", STATES["SetDeadRunAside"]["Parameters"]["Key.$"])
    assert template[0].format("night") == unclosable_key("night")
    kept = {key.removesuffix(".$") for key in STATES["DescribeDeadRun"]["Parameters"]}
    assert kept == SetAside.model_fields.keys()


def test_only_a_redrive_closes_dead_runs() -> None:
    dead = {name: LAMBDAS[name]["Parameters"]["Payload"]["dead"] for name in ("AggregateOutcomes", "CloseDeadRun")}
    assert dead == {"AggregateOutcomes": False, "CloseDeadRun": True}
