"""AggregateOutcomes: reads every outcome, keeps what is good, and decides what happens to the rest.

Everything here may be done twice: what is written is derived from what is stored, under the same keys, and the summary
comes last. A crash before it leads to another pass, a crash after it to nothing.
"""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from aggregator.census import announce, take
from aggregator.judge import Judgement, judge, raw_answer_limit, unaccounted
from aggregator.miss_queue import BATCH_LIMIT, MissQueue
from nightfold.branch import SiteTask
from nightfold.budget import branches_at_once, regeneration_branches, share
from nightfold.contract import ForeignMessage, Miss, Plan, RunState, Summary
from nightfold.errors import UnexpectedError
from nightfold.observability import log_step
from nightfold.sites import Round, RunId, Site
from nightfold.storage import Bucket, candidates_key, items_key, misses_key, outcome_key, plan_key, summary_key
from nightfold.text import one_line

READERS = 16  # outcomes that are read at once

_Tasks = TypeAdapter(list[SiteTask])


class AggregateTask(BaseModel):
    """The aggregator's event. Round 2 closes the run, whether it took place or not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: RunId
    round: Round
    dead: bool = False  # closed by a redrive, some time after it had ended


def aggregate(task: AggregateTask, *, bucket: Bucket, misses: MissQueue, parked: MissQueue) -> RunState:
    """The state of the run after this round: `regenerate` with new items, or closed."""
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
    rounds = [_judge_round(plan, 1, sites, bucket)]
    regenerated = bucket.get(items_key(plan.run_id, 2)) if task.round == 2 else None
    if task.round == 1 and any(judgement.regenerate for judgement in rounds[0].values()):
        return _regenerate(plan, sites, rounds[0], bucket)
    if regenerated:
        rounds.append(_judge_round(plan, 2, _site_ids(plan, regenerated), bucket))
    return _close(task, plan, sites, rounds, bucket, misses, parked)


def _site_ids(plan: Plan, items: bytes) -> list[str]:
    """The sites of round 2. Items that cannot be read leave all of them with the word of round 1."""
    try:
        return [item.site_id for item in _Tasks.validate_json(items)]
    except ValidationError:
        log_step("aggregate", run_id=plan.run_id, round=2, error="UnreadableItems")
        return []


def _judge_round(plan: Plan, round_: int, site_ids: Iterable[str], bucket: Bucket) -> dict[str, Judgement]:
    """The word on every site of a round, in the order of the plan. Accepted candidates are stored on the way, so that
    ten thousand answers never lie in memory together."""
    limit = raw_answer_limit(len(plan.sites))
    stored = set(bucket.keys(candidates_key(plan.run_id, "").removesuffix(".json")))

    def word_on(site_id: str) -> Judgement:
        try:
            document = bucket.get(outcome_key(plan.run_id, round_, site_id))
        except ClientError as error:
            if not 400 <= error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise  # S3 is unwell, after botocore's retries: the step runs again, as what is stored was paid for
            return unaccounted(site_id, f"the outcome cannot be read: {one_line(str(error))}")
        verdict = judge(site_id, plan.run_id, round_, document, limit)
        if verdict.accepted and candidates_key(plan.run_id, site_id) not in stored:
            bucket.put(candidates_key(plan.run_id, site_id), _candidates_file(plan, round_, verdict))
        return replace(verdict, kept=())

    with ThreadPoolExecutor(READERS) as readers:
        return {verdict.site_id: verdict for verdict in readers.map(word_on, site_ids)}


def _candidates_file(plan: Plan, round_: int, verdict: Judgement) -> bytes:
    document: dict[str, Any] = {
        "schema_version": 1,
        "run_id": plan.run_id,
        "site_id": verdict.site_id,
        "round": round_,
        "candidates": [candidate.model_dump() for candidate in verdict.kept],
    }
    return TypeAdapter(dict[str, Any]).dump_json(document, indent=2)


def _regenerate(plan: Plan, sites: Mapping[str, Site], round_1: Mapping[str, Judgement], bucket: Bucket) -> RunState:
    """Round 2 over the rejected sites alone; fewer branches share the same budget."""
    rejected = [verdict for verdict in round_1.values() if verdict.regenerate]
    configuration = plan.configuration
    branches = regeneration_branches(
        len(rejected),
        branches_at_once(len(sites), configuration.max_concurrency),
        truncated=any(verdict.error == "Truncated" for verdict in rejected),
    )
    tokens = share(configuration.output_token_budget, branches)
    items = [
        SiteTask.for_site(sites[verdict.site_id], plan.run_id, 2, configuration, tokens, violation=verdict.message)
        for verdict in rejected
    ]
    bucket.put(items_key(plan.run_id, 2), _Tasks.dump_json(items))
    log_step("aggregate", run_id=plan.run_id, status="regenerate", round=1, rejected=len(rejected))
    return RunState(
        run_id=plan.run_id,
        round=2,
        mode=plan.mode,
        status="regenerate",
        planned=len(sites),
        items_key=items_key(plan.run_id, 2),
        max_concurrency=branches,
    )


def _close(
    task: AggregateTask,
    plan: Plan,
    sites: Mapping[str, Site],
    rounds: list[dict[str, Judgement]],
    bucket: Bucket,
    queue: MissQueue,
    parked: MissQueue,
) -> RunState:
    """Writes the misses, acknowledges what a redrive has collected, and closes the census: in this order."""
    summary = take(plan, rounds, dead=task.dead)
    lines = [_miss(plan, sites[site.site_id], rounds) for site in summary.sites if not site.accepted]
    bucket.put(misses_key(plan.run_id), "".join(f"{line}\n" for line in lines).encode(), "application/jsonl")
    if plan.mode == "collect":
        queue.send(lines)
    else:
        queue.acknowledge(_handles(plan, (site.site_id for site in summary.sites if site.accepted)))
        queue.give_back(_handles(plan, (site.site_id for site in summary.sites if not site.accepted)))
    if plan.foreign:
        parked.send(_parked(message) for message in plan.foreign)
        queue.acknowledge(message.receipt_handle for message in plan.foreign)
    bucket.put(summary_key(plan.run_id), summary.model_dump_json(indent=2).encode())
    announce(summary)
    return _state(summary)


def _handles(plan: Plan, site_ids: Iterable[str]) -> list[str]:
    return [message.receipt_handle for site_id in site_ids for message in plan.messages.get(site_id, [])]


def _miss(plan: Plan, site: Site, rounds: list[dict[str, Judgement]]) -> str:
    """The miss of `site` as one line of ASCII JSON (SQS refuses U+FFFF, and U+2028 ends a line). Its raw answer is the
    last one there was."""
    words = [(round_, of_round[site.site_id]) for round_, of_round in enumerate(rounds, 1) if site.site_id in of_round]
    _, last = words[-1]
    answered = [(round_, word.raw_answer) for round_, word in words if word.raw_answer is not None]
    miss = Miss(
        run_id=plan.run_id,
        site=site,
        reason=last.reason or "unknown",
        error=last.error or "Unaccounted",
        message=last.message,
        raw_answer=answered[-1][1] if answered else None,
        raw_answer_key=outcome_key(plan.run_id, answered[-1][0], site.site_id) if answered else None,
        missed_at=datetime.now(UTC),
    )
    return json.dumps(miss.model_dump(mode="json"))


def _parked(message: ForeignMessage) -> str:
    """The message with the explanation why it is no miss; alone where it is so large that the two do not fit."""
    explained = json.dumps({"explanation": message.explanation, "body": message.body})
    return explained if len(explained) <= BATCH_LIMIT else message.body


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
