"""Drops what a site was offered before, and remembers what it is offered now.

The memory is written before the results: a step that runs again then finds its own run in it, and never counts a run
against itself.
"""

from dataclasses import dataclass, replace

from botocore.exceptions import ClientError

from aggregator.judge import Verdict
from nightfold.contract import Plan
from nightfold.errors import AwsUnavailable, refused
from nightfold.memory import Memory, known_as, read_memory
from nightfold.question import Question
from nightfold.storage import Bucket, memory_key

TRIES = 5  # to write a memory that another run writes too


@dataclass(frozen=True)
class _Found:
    memory: Memory
    etag: str | None  # None: there is none yet
    readable: bool = True


def without_known(plan: Plan, question: Question, verdict: Verdict, bucket: Bucket) -> Verdict:
    """An accepted verdict without the entries that the site was offered in other runs; `NothingNew` if none are left.
    Raises AwsUnavailable, and what S3 raises."""
    key = memory_key(verdict.site_id, question.name)
    for _ in range(TRIES):
        try:
            found = _read(key, bucket)
        except ClientError as error:
            if not refused(error):
                raise
            return replace(verdict, memory_readable=False)
        judged = _judged(plan, question, verdict, found)
        if not judged.accepted:
            return judged
        headings = [question.heading_of(entry) for entry in judged.kept]
        memory = found.memory.with_run(plan.run_id, plan.started_at, headings, simulated=plan.simulated)
        document = memory.model_dump_json(indent=2).encode()
        if memory == found.memory:
            return judged
        if bucket.replace(key, document, found.etag) if found.etag else bucket.put_if_absent(key, document):
            return judged
    raise AwsUnavailable(f"the memory of {verdict.site_id} was written by others {TRIES} times")


def _read(key: str, bucket: Bucket) -> _Found:
    stored = bucket.get_with_etag(key)
    if stored is None:
        return _Found(Memory(), None)
    memory = read_memory(stored[0])
    return _Found(memory or Memory(), stored[1], readable=memory is not None)


def _judged(plan: Plan, question: Question, verdict: Verdict, found: _Found) -> Verdict:
    """Without what is known. With `remember` 0 that is kept, and said."""
    known = found.memory.known(plan.run_id, simulated=plan.simulated)
    keeps_all = not plan.configuration.remember
    kept, repeated = [], []
    for entry in verdict.kept:
        if (spelled := known_as(heading := question.heading_of(entry))) not in known or keeps_all:
            kept.append(entry)
        if spelled in known:
            repeated.append(heading)
        elif not keeps_all:
            known.add(spelled)
    judged = replace(
        verdict,
        entries=len(kept),
        kept=tuple(kept),
        repeated=tuple(repeated) if keeps_all or not kept else (),
        raw_answer=None,
        memory_readable=found.readable,
    )
    if kept:
        return judged
    message = f"every {question.noun} was suggested before"
    return replace(judged, reason="schema", error="NothingNew", message=message, raw_answer=verdict.raw_answer)
