"""planner/dead_runs.py: which runs a redrive closes first, which it passes over, and what looking for them costs."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from nightfold.storage import CLOSED_RUNS_KEY, SITES_KEY, plan_key, summary_key, unclosable_key
from planner.plan import Adapters, plan_run
from tests.unit.examples import STARTED, miss, plan, plan_task, site
from tests.unit.outside import Outside, Wire

EXECUTIONS = "arn:aws:states:eu-central-1:123456789012:execution:nightly:"
REDRIVE = {"mode": "redrive"}


@pytest.fixture(autouse=True)
def site_list(outside: Outside) -> None:
    outside.put(SITES_KEY, [site(name).model_dump() for name in ("harbour", "orchard")])


def redrive(planning: Adapters, name: str = "morning") -> Any:
    return plan_run(plan_task(f"{EXECUTIONS}{name}", name, REDRIVE), planning)


def claimed(outside: Outside, name: str, folder: str | None = None) -> str:
    """The execution of a run that has a plan; in the `folder` of another name it is a copy."""
    execution_id = outside.start(name) if folder is None else f"{EXECUTIONS}{name}"
    made = plan("harbour", run_id=name).model_copy(update={"execution_id": execution_id})
    outside.put(plan_key(folder or name), made.model_dump(mode="json"))
    return execution_id


def died(outside: Outside, name: str) -> None:
    outside.stop(claimed(outside, name))


def closed(outside: Outside, name: str) -> None:
    died(outside, name)
    outside.put(summary_key(name), {})


def set_aside(outside: Outside, name: str, error: str, by: str, *, quoted: bool = False) -> None:
    """As SetDeadRunAside stores it."""
    document = {
        "schema_version": 1,
        "run_id": name,
        "execution_id": f"{EXECUTIONS}{by}",
        "set_aside_at": STARTED.isoformat(),
        "failure": {"Error": error, "Cause": "{}"},
    }
    outside.put(unclosable_key(name), json.dumps(document) if quoted else document)


@pytest.fixture
def waiting(outside: Outside) -> None:
    """One miss, so that a redrive which found no dead run has something to do."""
    outside.enqueue(miss("orchard"))


@pytest.mark.usefixtures("waiting")
def test_a_run_that_died_is_closed_before_anything_else(outside: Outside, planning: Adapters) -> None:
    died(outside, "dead")
    claimed(outside, "alive")
    closed(outside, "closed")
    state = redrive(planning)
    assert (state.run_id, state.status, state.round) == ("dead", "dead_run", 2)
    assert outside.count(outside.miss_queue) == (1, 0)
    outside.put(summary_key("dead"), {})
    assert redrive(planning).status == "planned"


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize(
    ("age_days", "retention_days", "status"), [(28, 30, "dead_run"), (30, 30, "planned"), (300, 0, "dead_run")]
)
def test_a_run_that_is_expiring_is_not_taken_for_one_that_died(
    outside: Outside, planning: Adapters, age_days: int, retention_days: int, status: str
) -> None:
    """The lifecycle may take its summary before its plan: closed again, all of its sites would be paid for again."""
    died(outside, "old")
    task = plan_task(f"{EXECUTIONS}morning", "morning", REDRIVE)
    task = task.model_copy(update={"started_at": STARTED + timedelta(days=age_days)})
    assert plan_run(task, replace(planning, retention_days=retention_days)).status == status


def test_a_nightly_run_looks_for_no_dead_ones(outside: Outside, planning: Adapters) -> None:
    died(outside, "dead")
    assert plan_run(plan_task("execution-1", "by-hand"), planning).run_id == "by-hand"


def test_a_run_of_another_state_machine_is_over(outside: Outside, planning: Adapters) -> None:
    """In a bucket that outlived its stack; asking about it would be denied."""
    execution_id = claimed(outside, "of-old").replace("nightly", "former-nightly")
    made = plan("harbour", run_id="of-old").model_copy(update={"execution_id": execution_id})
    outside.put(plan_key("of-old"), made.model_dump(mode="json"))
    wire = Wire(outside.states)
    assert redrive(planning).run_id == "of-old"
    assert wire.sent == []


# --- closed runs ----------------------------------------------------------------------------------------------------


def calls(outside: Outside, planning: Adapters, name: str) -> list[str]:
    wire = Wire(outside.s3)
    redrive(planning, name)
    return list(wire.sent)


def test_a_morning_asks_nothing_about_runs_that_were_closed_before(outside: Outside, planning: Adapters) -> None:
    closed(outside, "night-0")
    redrive(planning, "first")
    after_one = calls(outside, planning, "second")
    for number in range(1, 40):
        closed(outside, f"night-{number}")
    assert calls(outside, planning, "third").count("HeadObject") == 39, "each new one is looked at"
    assert calls(outside, planning, "fourth") == after_one, "once"
    assert after_one.count("HeadObject") == 0
    assert after_one.count("ListObjectsV2") == 1


@pytest.mark.parametrize("junk", [b"", b"hello", b"[]", b'{"run_ids": 3}'])
def test_a_note_that_cannot_be_read_is_made_anew(outside: Outside, planning: Adapters, junk: bytes) -> None:
    closed(outside, "night")
    outside.s3.put_object(Bucket=outside.bucket, Key=CLOSED_RUNS_KEY, Body=junk)
    assert redrive(planning).status == "nothing"
    assert outside.read(CLOSED_RUNS_KEY)["run_ids"] == ["night"]


def test_a_run_that_was_deleted_is_forgotten(outside: Outside, planning: Adapters) -> None:
    closed(outside, "night")
    closed(outside, "other")
    redrive(planning, "first")
    for key in (plan_key("night"), summary_key("night")):
        outside.s3.delete_object(Bucket=outside.bucket, Key=key)
    redrive(planning, "second")
    assert outside.read(CLOSED_RUNS_KEY)["run_ids"] == ["other"]


# --- what is passed over ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("dead.backup", "its plan.json is that of run dead, so it is a copy"),
        ("dead (copy)", "its name is not a run id"),
        ("-dead", "its name is not a run id"),
        ("x" * 81, "its name is not a run id"),
    ],
)
def test_what_is_not_the_folder_of_a_run_is_passed_over_and_logged(
    outside: Outside,
    planning: Adapters,
    printed: Callable[[], str],
    folder: str,
    why: str,
) -> None:
    claimed(outside, "dead", folder=folder)
    assert redrive(planning).status == "planned"
    logged = printed()
    assert '"error":"NotARun"' in logged
    assert f'"why":"{why}"' in logged


@pytest.mark.usefixtures("waiting")
def test_a_plan_that_cannot_be_read_and_a_folder_without_one_are_passed_over(
    outside: Outside, planning: Adapters, printed: Callable[[], str]
) -> None:
    outside.put("runs/unreadable/plan.json", {"schema_version": 9})
    outside.put("runs/no-plan/items.json", [])
    assert redrive(planning).status == "planned"
    logged = printed()
    assert '"why":"its plan.json cannot be read"' in logged
    assert '"why":"it has no plan.json"' in logged


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize("quoted", [False, True])
def test_a_run_that_could_not_be_closed_keeps_no_redrive_from_its_misses_and_is_counted(
    outside: Outside, planning: Adapters, printed: Callable[[], str], quoted: bool
) -> None:
    for name in ("poisoned-1", "poisoned-2"):
        died(outside, name)
        set_aside(outside, name, "UnexpectedError", by="yesterday", quoted=quoted)
    died(outside, "zzz-dead")
    assert redrive(planning).run_id == "zzz-dead"
    assert "RunsSetAside" not in printed(), "counted once, when nothing is left to close"
    outside.put(summary_key("zzz-dead"), {})
    assert redrive(planning).status == "planned"
    assert '"RunsSetAside":[2.0]' in printed()


def test_without_its_mark_a_run_is_tried_again(outside: Outside, planning: Adapters) -> None:
    died(outside, "poisoned")
    outside.put(unclosable_key("poisoned"), "a mark that cannot be read")
    assert redrive(planning).status == "nothing"
    outside.s3.delete_object(Bucket=outside.bucket, Key=unclosable_key("poisoned"))
    assert redrive(planning).run_id == "poisoned"


@pytest.mark.parametrize(
    ("error", "again"),
    [
        ("AwsUnavailable", True),
        ("Lambda.ServiceException", True),
        ("Lambda.TooManyRequestsException", True),
        ("Lambda.Unknown", False),
        ("Sandbox.Timedout", False),
        ("Runtime.ExitError", False),
        ("UnexpectedError", False),
    ],
)
def test_a_run_that_could_not_be_closed_because_aws_failed_is_tried_again_by_the_next_redrive(
    outside: Outside, planning: Adapters, error: str, again: bool
) -> None:
    died(outside, "dead")
    set_aside(outside, "dead", error, by="morning")
    assert redrive(planning, "morning").status == "nothing", "never twice by the same one"
    assert (redrive(planning, "next").status == "dead_run") == again
