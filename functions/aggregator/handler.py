"""The Lambda handler of AggregateOutcomes and CloseDeadRun."""

from functools import cache
from typing import Any

from aggregator.aggregate import AggregateTask, aggregate
from aggregator.miss_queue import MissQueue
from aggregator.settings import settings
from nightfold.errors import aws_errors_named
from nightfold.storage import Bucket


@cache
def outside() -> dict[str, Any]:
    """The outside systems that aggregating touches."""
    return {
        "bucket": Bucket(settings().bucket),
        "misses": MissQueue(settings().miss_queue_url),
        "parked": MissQueue(settings().parked_queue_url),
    }


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    with aws_errors_named():
        return aggregate(AggregateTask.model_validate(event), **outside()).model_dump(mode="json")
