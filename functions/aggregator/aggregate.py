"""AggregateOutcomes: reads every outcome, keeps what is good, and decides what happens to the rest.

Everything here may be done twice: what it writes is derived from what is stored, under the same keys, and the summary
comes last. If it crashes before that, the step runs again; if it crashes after that, nothing is left to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from aggregator.census import announce, summarize
from aggregator.judge import Verdict
from aggregator.miss_queue import MissQueue
from aggregator.misses import line_of, miss_of, settle_queues
from aggregator.rounds import judge_round, tasks_of
from nightfold.branch import SiteTask, SiteTasks
from nightfold.contract import Plan, RunState, Summary
from nightfold.errors import UnexpectedError
from nightfold.memory import fitting
from nightfold.observability import log_step
from nightfold.question import load
from nightfold.sites import Round, RunId, Site
from nightfold.storage import (
    Bucket,
    items_key,
    misses_key,
    plan_key,
    summary_key,
)
from nightfold.waves import Pace, read_paces


class AggregateTask(BaseModel):
    """The aggregator's event. Round 2 closes the run, whether it took place or not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: RunId
    round: Round
    dead: bool = False  # a redrive closes the run, some time after it ended


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """What aggregating touches outside this process."""

    bucket: Bucket
    misses: MissQueue
    parked: MissQueue


def aggregate(task: AggregateTask, adapters: Adapters) -> RunState:
    """The state of the run after this round: `regenerate` with new items, or closed."""
    bucket = adapters.bucket
    if closed := bucket.get(summary_key(task.run_id)):
        return _state(Summary.model_validate_json(closed))
    document = bucket.get(plan_key(task.run_id))
    if document is None:
        raise UnexpectedError(f"run {task.run_id} has no plan")
    try:
        plan = Plan.model_validate_json(document)
    except ValidationError:
        raise UnexpectedError(f"the plan of run {task.run_id} cannot be read") from None
    if plan.run_id != task.run_id:
        raise UnexpectedError(f"the plan of run {task.run_id} is that of run {plan.run_id}")
    sites = {site.site_id: site for site in plan.sites}
    paces = read_paces(bucket, plan.run_id, 1)
    rounds = [judge_round(plan, 1, [*sites], paces, bucket)]
    regenerated = bucket.get(items_key(plan.run_id, 2)) if task.round == 2 else None
    if task.round == 1 and any(verdict.regenerate for verdict in rounds[0].values()):
        return _regenerate(plan, sites, rounds[0], bucket)
    if regenerated:
        again = read_paces(bucket, plan.run_id, 2)
        judged = judge_round(plan, 2, [item.site_id for item in tasks_of(plan, regenerated)], again, bucket)
        # A site for which round 2 did not begin keeps the verdict of round 1.
        rounds.append({site_id: verdict for site_id, verdict in judged.items() if verdict.attempted})
        paces += again
    return _close(task, plan, sites, rounds, paces, adapters)


def _regenerate(plan: Plan, sites: Mapping[str, Site], round_1: Mapping[str, Verdict], bucket: Bucket) -> RunState:
    """Round 2 covers only the rejected sites, with more tokens each where an answer was cut."""
    rejected = [verdict for verdict in round_1.values() if verdict.regenerate]
    truncated = any(verdict.error == "Truncated" for verdict in rejected)
    tokens = plan.configuration.regeneration_tokens(len(sites), len(rejected), truncated=truncated)
    earlier = {item.site_id: item.earlier for item in tasks_of(plan, bucket.get(items_key(plan.run_id, 1)))}
    items = [
        SiteTask.for_site(
            sites[verdict.site_id],
            plan.run_id,
            2,
            plan.configuration,
            tokens,
            load(plan.question_of(verdict.site_id)),
            fitting([*verdict.repeated, *earlier.get(verdict.site_id, ())]),
            violation=verdict.message,
        )
        for verdict in rejected
    ]
    bucket.put(items_key(plan.run_id, 2), SiteTasks.dump_json(items))
    log_step("aggregate", run_id=plan.run_id, status="regenerate", round=1, rejected=len(rejected))
    return RunState(
        run_id=plan.run_id,
        round=2,
        mode=plan.mode,
        status="regenerate",
        planned=len(sites),
    )


def _close(
    task: AggregateTask,
    plan: Plan,
    sites: Mapping[str, Site],
    rounds: list[dict[str, Verdict]],
    paces: Sequence[Pace],
    adapters: Adapters,
) -> RunState:
    """Writes the misses, settles the queues, and closes the census: in this order."""
    summary = summarize(plan, rounds, paces, dead=task.dead)
    misses = [miss_of(plan, sites[site.site_id], rounds, dead=task.dead) for site in summary.sites if not site.accepted]
    lines = "".join(f"{line_of(miss)}\n" for miss in misses)
    adapters.bucket.put(misses_key(plan.run_id), lines.encode(), "application/jsonl")
    settle_queues(plan, misses, adapters.misses, adapters.parked)
    adapters.bucket.put(summary_key(plan.run_id), summary.model_dump_json(indent=2).encode())
    announce(summary)
    return _state(summary)


def _state(summary: Summary) -> RunState:
    return RunState(
        run_id=summary.run_id,
        round=2,
        mode=summary.mode,
        status=summary.status,
        planned=summary.planned,
        accepted=summary.accepted,
        missed=summary.planned - summary.accepted,
    )
