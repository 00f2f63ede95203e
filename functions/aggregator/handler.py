"""The Lambda handler of AggregateOutcomes and CloseDeadRun."""

from functools import cache
from typing import Any

from pydantic import ValidationError

from aggregator.aggregate import Adapters, AggregateTask, aggregate
from aggregator.miss_queue import MissQueue
from aggregator.settings import settings
from nightfold.errors import UnexpectedError, aws_errors_named, invalid
from nightfold.observability import in_request
from nightfold.storage import Bucket


@cache
def adapters() -> Adapters:
    return Adapters(
        bucket=Bucket(settings().bucket),
        misses=MissQueue(settings().miss_queue_url),
        parked=MissQueue(settings().parked_queue_url),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    in_request(context)
    try:
        task = AggregateTask.model_validate(event)
    except ValidationError as error:
        raise UnexpectedError(str(invalid(error, "event"))) from None
    with aws_errors_named():
        return aggregate(task, adapters()).model_dump(mode="json")
