"""PaceRun: decides about the next wave of a run, and stores the decision and the wave's items.

The decision is written first, and only once: a second attempt, and one after a crash between the two writes, finds it
and continues from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from nightfold.branch import SiteTask, SiteTasks
from nightfold.budget import longest_answer_usd
from nightfold.contract import Plan, RunState
from nightfold.errors import AwsUnavailable, UnexpectedError
from nightfold.observability import count, log_step
from nightfold.question import load
from nightfold.run_folders import NotARun, plan_of
from nightfold.settings import AUTO
from nightfold.sites import Round, RunId
from nightfold.storage import Bucket, items_key, pace_key, plan_key, wave_items_key
from nightfold.waves import Carried, Pace, Seen, believed, noted, read_paces
from pacer.concurrency import Wave
from pacer.outcomes import look_at
from pacer.pace import Work, pace, spent_usd
from pacer.profile import found, note


class PaceTask(BaseModel):
    """The pacer's event. `wave`: the last wave of this round that is over; 0 if none has begun."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: RunId
    round: Round
    wave: Annotated[int, Field(ge=0)]
    started_at: AwareDatetime  # of the execution


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """What pacing touches outside this process, and the deployment's settings."""

    bucket: Bucket
    reserved_concurrency: int  # of the collector; 0: none


def pace_run(task: PaceTask, adapters: Adapters) -> RunState:
    """The next wave, or that the round is over."""
    bucket, run_id, round_ = adapters.bucket, task.run_id, task.round
    try:
        plan = plan_of(run_id, bucket.get(plan_key(run_id)))
    except NotARun as why:
        raise UnexpectedError(f"run {run_id}: {why}") from None
    items = SiteTasks.validate_json(bucket.get(items_key(run_id, round_)) or b"[]")
    before = read_paces(bucket, run_id, 1) if round_ == 2 else []
    own = read_paces(bucket, run_id, round_)
    if len(own) < task.wave:
        raise UnexpectedError(f"run {run_id}: the decision about wave {len(own) + 1} of round {round_} is missing")
    if len(own) == task.wave:
        decided = _decide(task, plan, items, before, own, adapters)
        if bucket.put_if_absent(pace_key(run_id, round_, task.wave + 1), decided.model_dump_json().encode()):
            own.append(decided)
        else:  # an earlier attempt was faster, or our own write succeeded and its response was lost
            own = read_paces(bucket, run_id, round_)
    if len(own) == task.wave:
        raise AwsUnavailable(f"the decision about wave {task.wave + 1} could not be stored")
    next_ = own[task.wave]
    if next_.sites:
        slice_ = items[next_.first : next_.first + next_.sites]
        bucket.put(wave_items_key(run_id, round_, next_.wave), SiteTasks.dump_json(slice_))
        count(Concurrency=next_.max_concurrency)
    status: Literal["wave", "round_over"] = "wave" if next_.sites else "round_over"
    log_step(
        "pace",
        run_id=run_id,
        round=round_,
        wave=next_.wave,
        status=status,
        sites=next_.sites,
        left=next_.left,
        max_concurrency=next_.max_concurrency,
        stopped=next_.stop.reason if next_.stop is not None else None,
        spent_usd=next_.spent_usd,
    )
    return RunState(
        run_id=run_id,
        round=round_,
        mode=plan.mode,
        status=status,
        planned=len(plan.sites),
        wave=next_.wave,
        items_key=wave_items_key(run_id, round_, next_.wave) if next_.sites else "",
        max_concurrency=next_.max_concurrency,
    )


def _decide(
    task: PaceTask,
    plan: Plan,
    items: Sequence[SiteTask],
    before: Sequence[Pace],
    own: Sequence[Pace],
    adapters: Adapters,
) -> Pace:
    """The decision about the next wave, and, where none follows, a note for later runs."""
    now, configuration, bucket = datetime.now(UTC), plan.configuration, adapters.bucket
    history, seen = _history([*before, *own], bucket)
    carried = _carried(plan, [*before, *own], bucket, now)
    first = own[-1].first + own[-1].sites if own else 0
    left = items[first:]
    limit = min(configuration.concurrency_limit, adapters.reserved_concurrency or configuration.concurrency_limit)
    work = Work(
        left=len(left),
        elapsed_s=max(0.0, (now - task.started_at).total_seconds()),
        model=configuration.model,
        max_concurrency=_fixed(plan, items),
        concurrency_limit=limit,
        request_timeout_s=configuration.request_timeout_s,
        cost_ceiling_usd=configuration.cost_ceiling_usd,
        answers_usd=_answers_usd(left) if configuration.cost_ceiling_usd is not None else (),
    )
    decision = pace(history, work, carried)
    if not decision.sites and work.max_concurrency is None:
        note(found(history, limit, carried, plan.run_id, now), bucket, configuration.model, simulated=plan.simulated)
    return Pace(
        run_id=plan.run_id,
        round=task.round,
        wave=task.wave + 1,
        decided_at=now,
        first=first,
        sites=decision.sites,
        left=len(left) - decision.sites,
        max_concurrency=decision.max_concurrency,
        why=decision.why,
        stop=decision.stop,
        seen=seen,
        spent_usd=spent_usd(history, configuration.model),
        carried=carried if not before and not own else None,
    )


def _history(paces: Sequence[Pace], bucket: Bucket) -> tuple[list[Wave], Seen | None]:
    """All waves so far, and what the last one saw, if no decision has stored that yet: only its outcomes are read."""
    history: list[Wave] = []
    looked = None
    for number, begun in enumerate(paces, 1):
        if not begun.sites:
            continue
        seen = paces[number].seen if number < len(paces) else None
        if seen is None:
            items = bucket.get(wave_items_key(begun.run_id, begun.round, begun.wave)) or b"[]"
            site_ids = [item.site_id for item in SiteTasks.validate_json(items)]
            seen = looked = look_at(bucket, begun.run_id, begun.round, site_ids)
        history.append(Wave(begun.sites, begun.max_concurrency, seen))
    return history, looked


def _fixed(plan: Plan, items: Sequence[SiteTask]) -> int | None:
    """The number of the configuration; None for `auto`. In round 2 each may have a larger share."""
    if plan.configuration.max_concurrency == AUTO:
        return None
    largest = max((item.max_tokens for item in items), default=1)
    return max(1, min(plan.configuration.max_concurrency, plan.configuration.output_token_budget // largest))


def _answers_usd(items: Sequence[SiteTask]) -> list[float]:
    """What an answer of full length would cost, for each item. A ceiling needs a known price, so there is one."""
    return [
        longest_answer_usd(item.model, load(item.question).prompt_tokens(item.given), item.max_tokens) or 0.0
        for item in items
    ]


def _carried(plan: Plan, paces: Sequence[Pace], bucket: Bucket, now: datetime) -> Carried | None:
    """What an earlier run found. The first decision keeps it, because other runs may replace the note meanwhile."""
    if paces or plan.configuration.max_concurrency != AUTO:
        return paces[0].carried if paces else None
    return believed(noted(bucket), plan.configuration.model, now, simulated=plan.simulated)
