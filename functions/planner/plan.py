"""PlanRun: which sites, how many at once, how many tokens each; and the claim, so that a run happens once."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from nightfold.branch import SiteTask
from nightfold.budget import branches_at_once, share
from nightfold.contract import ForeignMessage, Plan, RunState, WaitingMessage
from nightfold.errors import InvalidInput
from nightfold.observability import log_step
from nightfold.settings import RunConfiguration
from nightfold.sites import MAX_SITES, Site
from nightfold.storage import SITES_KEY, Bucket, items_key, plan_key
from planner.budget import worst_case
from planner.configuration import ConfigurationParameter
from planner.dead_runs import find_dead_run
from planner.executions import Executions
from planner.inputs import ExecutionInput, Mode, configure, read_input, read_sites, run_id_of
from planner.miss_queue import MissQueue, Received
from planner.redrive import lease, sort_messages


class PlanTask(BaseModel):
    """The planner's event: the execution's context object, as PlanRun passes it on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    execution_id: str
    execution_name: str
    started_at: AwareDatetime
    input: Any


def plan_run(
    task: PlanTask, *, bucket: Bucket, parameter: ConfigurationParameter, queue: MissQueue, executions: Executions
) -> RunState:
    """Claims the run and says what to do next. Raises InvalidInput before anything has started or been paid."""
    given = read_input(task.input)
    run_id = run_id_of(given, task.execution_name)
    configuration = configure(parameter.read(), given.model_extra or {})
    plan = _claimed(run_id, task, given, bucket)
    if plan == "another":
        return RunState(run_id=run_id, status="nothing")
    if plan is None and given.mode == "redrive":
        if not lease(task.execution_id, bucket, executions):
            log_step("plan", run_id=run_id, status="nothing", lease="held by another execution")
            return RunState(run_id=run_id, status="nothing")
        if dead := find_dead_run(run_id, task.execution_id, bucket, executions):
            log_step("plan", run_id=run_id, status="dead_run", dead_run=dead)
            return RunState(run_id=dead, round=2, status="dead_run")
        plan = _plan_redrive(run_id, task, configuration, queue)
    elif plan is None:
        plan = draft(run_id, "collect", read_sites(bucket.get(SITES_KEY)), configuration, task)
    if not plan.sites and not plan.foreign:
        log_step("plan", run_id=run_id, status="nothing")
        return RunState(run_id=run_id, status="nothing")
    received = [*(message for of_site in plan.messages.values() for message in of_site), *plan.foreign]
    try:
        first = bucket.put_if_absent(plan_key(run_id), plan.model_dump_json().encode())
    except (BotoCoreError, ClientError):
        queue.give_back(message.receipt_handle for message in received)  # or the next attempt would find no misses
        raise
    if not first:
        # Written by an earlier attempt of this execution, or just now by another one.
        claimed = _claimed(run_id, task, given, bucket)
        if not isinstance(claimed, Plan):
            return RunState(run_id=run_id, status="nothing")
        plan = claimed
        received = [*(message for of_site in plan.messages.values() for message in of_site), *plan.foreign]
    queue.keep(message.receipt_handle for message in received)
    bucket.put(items_key(run_id, 1), items(plan))
    log_step(
        "plan",
        run_id=run_id,
        status="planned",
        mode=plan.mode,
        planned=len(plan.sites),
        max_concurrency=plan.configuration.max_concurrency,
        **{f"worst_case_{name}": value for name, value in plan.worst_case.model_dump().items()},
    )
    return RunState(
        run_id=run_id,
        mode=plan.mode,
        status="planned",
        planned=len(plan.sites),
        items_key=items_key(run_id, 1),
        max_concurrency=plan.configuration.max_concurrency,
    )


def draft(
    run_id: str,
    mode: Mode,
    sites: Sequence[Site],
    configuration: RunConfiguration,
    task: PlanTask,
    messages: dict[str, list[WaitingMessage]] | None = None,
    foreign: Sequence[ForeignMessage] = (),
) -> Plan:
    """The plan with its worst case. Raises InvalidInput for a share under the floor, or a cost above the ceiling."""
    most = worst_case(sites, configuration)
    ceiling = configuration.cost_ceiling_usd
    if ceiling is not None and most.cost_usd is not None and most.cost_usd > ceiling:
        raise InvalidInput(
            f"cost_ceiling_usd: the worst case of {len(sites)} sites is ${most.cost_usd:.4f}, above the ceiling of "
            f"${ceiling:.4f} ({most.model_calls} calls of {configuration.model}, {most.output_tokens:,} output tokens)"
        )
    return Plan(
        run_id=run_id,
        mode=mode,
        execution_id=task.execution_id,
        started_at=task.started_at,
        configuration=configuration,
        sites=list(sites),
        worst_case=most,
        messages=messages or {},
        foreign=list(foreign),
    )


def items(plan: Plan) -> bytes:
    """`items.json` of round 1: one SiteTask per site."""
    if not plan.sites:
        return b"[]"
    configuration = plan.configuration
    tokens = share(configuration.output_token_budget, branches_at_once(len(plan.sites), configuration.max_concurrency))
    tasks = [SiteTask.for_site(site, plan.run_id, 1, configuration, tokens) for site in plan.sites]
    return TypeAdapter(list[SiteTask]).dump_json(tasks)


def _claimed(run_id: str, task: PlanTask, given: ExecutionInput, bucket: Bucket) -> Plan | Literal["another"] | None:
    """The plan that this execution has already made; "another" where another delivery of the same night has the run;
    None where nobody has. Raises InvalidInput where a person reuses a name."""
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


def _plan_redrive(run_id: str, task: PlanTask, configuration: RunConfiguration, queue: MissQueue) -> Plan:
    """The plan of the morning run. Where it cannot be made, or receiving breaks off, what was received is given back:
    the next attempt has to find all of it."""
    handles: list[str] = []

    def received() -> Iterator[Received]:
        for message in queue.receive(at_most=MAX_SITES):
            handles.append(message.receipt_handle)
            yield message

    try:
        sites, messages, foreign = sort_messages(received())
        return draft(run_id, "redrive", sites, configuration, task, messages, foreign)
    except (InvalidInput, BotoCoreError, ClientError):
        queue.give_back(handles)
        raise
