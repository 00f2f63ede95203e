"""The verdicts of one round: reads its outcomes, and stores what is accepted."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from botocore.exceptions import ClientError
from pydantic import ValidationError

from aggregator.judge import Verdict, judge, not_attempted, raw_answer_limit, unaccounted
from aggregator.memory import without_known
from nightfold.branch import SiteTask, SiteTasks
from nightfold.contract import Plan
from nightfold.errors import refused
from nightfold.observability import log_step
from nightfold.question import Question, load
from nightfold.results import SiteResults, read_results
from nightfold.storage import Bucket, outcome_key, outcomes_prefix, results_key, results_prefix
from nightfold.text import one_line
from nightfold.waves import Pace

READERS = 16  # outcomes that are read at once


def tasks_of(plan: Plan, items: bytes | None) -> list[SiteTask]:
    """The items of a round; none if they cannot be read: in round 2 all sites then keep the verdict of round 1."""
    try:
        return SiteTasks.validate_json(items or b"[]")
    except ValidationError:
        log_step("aggregate", run_id=plan.run_id, error="UnreadableItems")
        return []


def judge_round(
    plan: Plan, round_: int, site_ids: Sequence[str], paces: Sequence[Pace], bucket: Bucket
) -> dict[str, Verdict]:
    """The verdict on every site of a round, in the order of its items, from which the waves take the first ones.
    Accepted entries are stored at once, so that memory never holds ten thousand answers."""
    limit = raw_answer_limit(len(plan.sites))
    stored = set(bucket.keys(results_prefix(plan.run_id)))
    outcomes = set(bucket.keys(outcomes_prefix(plan.run_id, round_)))
    begun = set(site_ids[: max((pace.first + pace.sites for pace in paces), default=0)])
    stop = next((pace.stop for pace in reversed(paces) if pace.stop is not None), None)

    def judged(site_id: str) -> Verdict:
        if outcome_key(plan.run_id, round_, site_id) not in outcomes:
            if site_id not in begun:
                return not_attempted(site_id, stop)
            return unaccounted(site_id, "the branch left no outcome")
        try:
            document = bucket.get(outcome_key(plan.run_id, round_, site_id))
        except ClientError as error:
            if not refused(error):
                raise  # S3 fails, even after botocore's retries: the step runs again, as what is stored was paid for
            return unaccounted(site_id, f"the outcome cannot be read: {one_line(str(error))}")
        return judge(site_id, plan.run_id, round_, document, load(plan.question_of(site_id)), limit)

    def verdict_on(site_id: str) -> Verdict:
        verdict, key = judged(site_id), results_key(plan.run_id, site_id)
        if key in stored:  # by an earlier pass: it is accepted, whatever memory, question or outcome have become since
            verdict = _as_stored(verdict, round_, read_results(bucket.get(key)))
        elif verdict.accepted:
            question = load(plan.question_of(site_id))
            verdict = without_known(plan, question, verdict, bucket)
            if verdict.accepted:
                bucket.put(key, _results_file(plan, round_, question, verdict))
        return replace(verdict, kept=(), raw_answer=None if verdict.accepted else verdict.raw_answer)

    with ThreadPoolExecutor(READERS) as readers:
        return {verdict.site_id: verdict for verdict in readers.map(verdict_on, site_ids)}


def _as_stored(verdict: Verdict, round_: int, results: SiteResults | None) -> Verdict:
    if results is None or not (verdict.accepted or results.round == round_):
        return replace(verdict, entries=0)
    entries, readable = len(results.entries), results.memory_readable
    return replace(verdict, reason=None, error=None, entries=entries, memory_readable=readable)


def _results_file(plan: Plan, round_: int, question: Question, verdict: Verdict) -> bytes:
    return (
        SiteResults(
            run_id=plan.run_id,
            simulated=plan.simulated,
            site_id=verdict.site_id,
            question=question.name,
            round=round_,
            entries=[entry.model_dump(mode="json") for entry in verdict.kept],
            repeated=list(verdict.repeated),
            memory_readable=verdict.memory_readable,
        )
        .model_dump_json(indent=2)
        .encode()
    )
