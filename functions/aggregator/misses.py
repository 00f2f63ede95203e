"""What a run leaves in the queues when it closes: new misses, parked misses, and none of the messages it received.

A new message is sent before the ones that it replaces are deleted. A crash in between leaves one too many, and a
redrive turns all messages of a site into one branch.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from aggregator.judge import Verdict
from aggregator.miss_queue import BATCH_LIMIT, MissQueue
from nightfold.contract import Plan
from nightfold.misses import Miss, UnrecognizedMessage
from nightfold.sites import Site
from nightfold.storage import outcome_key


def miss_of(plan: Plan, site: Site, rounds: Sequence[Mapping[str, Verdict]], *, dead: bool) -> Miss:
    """The miss of `site`. Its raw answer is the last one there was. In a run that is `dead`, a site without an outcome
    may never have been asked, so it counts as no attempt: three killed processes park nothing. What a dead run missed
    was missed since its start, however much later it is closed: what other runs have accepted since then settles it."""
    verdicts = [
        (round_, of_round[site.site_id]) for round_, of_round in enumerate(rounds, 1) if site.site_id in of_round
    ]
    _, last = verdicts[-1]
    asked = any(each.attempted and not (dead and each.error == "Unaccounted") for _, each in verdicts)
    answered = [(round_, verdict.raw_answer) for round_, verdict in verdicts if verdict.raw_answer is not None]
    return Miss(
        run_id=plan.run_id,
        site=site,
        question=plan.question_of(site.site_id),
        reason=last.reason or "unknown",
        error=last.error or "Unaccounted",
        message=last.message,
        raw_answer=answered[-1][1] if answered else None,
        raw_answer_key=outcome_key(plan.run_id, answered[-1][0], site.site_id) if answered else None,
        missed_at=plan.started_at if dead else datetime.now(UTC),
        attempts=plan.attempts.get(site.site_id, 0) + asked,
        overrides=plan.overrides,
        simulated=plan.simulated,
    )


def line_of(miss: Miss) -> str:
    """One line of ASCII JSON: SQS refuses U+FFFF, and U+2028 ends a line."""
    return json.dumps(miss.model_dump(mode="json"))


def settle_queues(plan: Plan, misses: Sequence[Miss], queue: MissQueue, parked: MissQueue) -> None:
    """Sends new misses, parks what is worn out, unlisted or unrecognized, then acknowledges what the run has
    received. Raises AwsUnavailable."""
    queue.send(line_of(miss) for miss in misses if not miss.worn_out)
    parked.send(_to_park(plan, misses))
    queue.acknowledge(message.receipt_handle for message in plan.received)


def _to_park(plan: Plan, misses: Iterable[Miss]) -> Iterator[str]:
    yield from (line_of(miss) for miss in misses if miss.worn_out)
    yield from (line_of(site.parked) for site in plan.unlisted)
    yield from map(_explained, plan.unrecognized)


def _explained(message: UnrecognizedMessage) -> str:
    """The message with the explanation why it is not a miss; without it if the two together are too large."""
    explained = json.dumps({"explanation": message.explanation, "body": message.body})
    return explained if len(explained) <= BATCH_LIMIT else message.body
