"""PlanRun: which sites, how many at once, how many tokens each; and the claim, so that a run happens once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from nightfold.budget import nearest_model
from nightfold.contract import Plan, RunState
from nightfold.errors import InvalidInput
from nightfold.observability import log_step
from nightfold.sites import MAX_SITES
from nightfold.storage import SITES_KEY, Bucket, items_key, plan_key
from nightfold.waves import noted
from planner.accepted import accepted_since
from planner.configuration import ConfigurationParameter
from planner.dead_runs import find_dead_run
from planner.draft import PlanTask, check_one_site, draft, draft_redrive, items
from planner.executions import Executions
from planner.inputs import ExecutionInput, configure, narrow, read_input, read_sites, run_id_of
from planner.memory import earlier_headings
from planner.miss_queue import MissQueue, Received
from planner.redrive import lease
from planner.waiting import sort_messages


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """What planning touches outside this process, and the deployment's settings."""

    bucket: Bucket
    parameter: ConfigurationParameter
    queue: MissQueue
    executions: Executions
    simulated: bool  # whether the Messages API is the simulated one
    retention_days: int = 0  # after which the bucket drops what a run left; 0: never


def plan_run(task: PlanTask, adapters: Adapters) -> RunState:
    """Claims the run and returns what to do next. Raises InvalidInput before anything has started or been paid."""
    bucket, queue, simulated = adapters.bucket, adapters.queue, adapters.simulated
    given = read_input(task.input)
    run_id = run_id_of(given, task.execution_name)
    text = adapters.parameter.read()
    configuration = configure(text, given.overrides)
    plan = _claimed(run_id, task, given, bucket)
    if plan == "another":
        return RunState(run_id=run_id, status="nothing")
    if plan is None and given.mode == "redrive":
        if not lease(task.execution_id, bucket, adapters.executions):
            log_step("plan", run_id=run_id, status="nothing", lease="held by another execution")
            return RunState(run_id=run_id, status="nothing")
        kept = adapters.retention_days
        whole_since = task.started_at - timedelta(days=kept - 1) if kept else None
        if dead := find_dead_run(run_id, task.execution_id, bucket, adapters.executions, whole_since):
            log_step("plan", run_id=run_id, status="dead_run", dead_run=dead)
            return RunState(run_id=dead, round=2, status="dead_run")
        plan = _plan_redrive(run_id, task, given.overrides, text, adapters)
    elif plan is None:
        sites = narrow(read_sites(bucket.get(SITES_KEY)), given.only, given.limit)
        about: dict[str, Any] = {"simulated": simulated, "overrides": given.overrides, "profile": noted(bucket)}
        plan = draft(run_id, "collect", sites, configuration, task, **about)
    if not plan.sites and not plan.received:
        log_step("plan", run_id=run_id, status="nothing")
        return RunState(run_id=run_id, status="nothing")
    try:
        first = bucket.put_if_absent(plan_key(run_id), plan.model_dump_json().encode())
    except (BotoCoreError, ClientError):
        queue.give_back(message.receipt_handle for message in plan.received)  # for the next attempt
        raise
    if not first:
        # Written by an earlier attempt of this execution, or just now by another one.
        claimed = _claimed(run_id, task, given, bucket)
        if not isinstance(claimed, Plan):
            return RunState(run_id=run_id, status="nothing")
        plan = claimed
    queue.keep(message.receipt_handle for message in plan.received)
    bucket.put(items_key(run_id, 1), items(plan, earlier_headings(plan, bucket)))
    log_step(
        "plan",
        run_id=run_id,
        status="planned",
        mode=plan.mode,
        planned=len(plan.sites),
        max_concurrency=plan.configuration.max_concurrency,
        question=plan.configuration.question,
        nearest_model=nearest_model(plan.configuration.model),  # of one that has no price and no tested setting
        expected_minutes=plan.expected.minutes if plan.expected is not None else None,
        **{f"worst_case_{name}": value for name, value in plan.worst_case.model_dump().items()},
    )
    return RunState(
        run_id=run_id,
        mode=plan.mode,
        status="planned",
        planned=len(plan.sites),
    )


def _claimed(run_id: str, task: PlanTask, given: ExecutionInput, bucket: Bucket) -> Plan | Literal["another"] | None:
    """The plan that this execution has already made; "another" if another delivery of the same night has claimed the
    run; None if it is unclaimed. Raises InvalidInput if a name is used again."""
    document = bucket.get(plan_key(run_id))
    if document is None:
        return None
    plan = Plan.model_validate_json(document)
    # A name is free again after 90 days (locally with each process), and its execution then has the same id.
    if (plan.execution_id, plan.started_at) == (task.execution_id, task.started_at):
        return plan
    if given.scheduled_time is None:
        raise InvalidInput(f"run_id: {run_id} was already used by {plan.execution_id}; start it under another name")
    log_step("plan", run_id=run_id, status="nothing", claimed_by=plan.execution_id)
    return "another"


def _plan_redrive(run_id: str, task: PlanTask, overrides: dict[str, Any], parameter: str, adapters: Adapters) -> Plan:
    """The plan of a redrive. Everything that could refuse it is checked before a message is received. If the plan fails
    all the same, or receiving breaks off, the messages are given back: the next attempt has to find all of them."""
    bucket, queue, simulated = adapters.bucket, adapters.queue, adapters.simulated
    site_list = read_sites(bucket.get(SITES_KEY))
    check_one_site(site_list, configure(parameter, overrides))
    handles: list[str] = []

    def received() -> Iterator[Received]:
        for message in queue.receive(at_most=MAX_SITES):
            handles.append(message.receipt_handle)
            yield message

    accepted, profile = accepted_since(bucket, simulated=simulated), noted(bucket)
    try:
        waiting = sort_messages(received(), simulated=simulated, site_list=site_list, accepted_since=accepted)
        plan = draft_redrive(run_id, waiting, parameter, overrides, task, simulated=simulated, profile=profile)
    except (InvalidInput, BotoCoreError, ClientError):
        queue.give_back(handles)
        raise
    queue.give_back(message.receipt_handle for message in (*waiting.other_kind, *waiting.surplus))
    if waiting.other_kind or waiting.surplus:
        left, surplus = len(waiting.other_kind), len(waiting.surplus)
        log_step("plan", run_id=run_id, status="left_in_the_queue", other_kind=left, surplus=surplus)
    return plan
