"""The Lambda handler of PaceRun."""

from functools import cache
from typing import Any

from pydantic import ValidationError

from nightfold.errors import UnexpectedError, aws_errors_named, invalid
from nightfold.observability import in_request
from nightfold.storage import Bucket
from pacer.pace_run import Adapters, PaceTask, pace_run
from pacer.settings import settings


@cache
def adapters() -> Adapters:
    return Adapters(
        bucket=Bucket(settings().bucket),
        reserved_concurrency=settings().collector_reserved_concurrency,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    in_request(context)
    try:
        task = PaceTask.model_validate(event)
    except ValidationError as error:
        raise UnexpectedError(str(invalid(error, "event"))) from None
    with aws_errors_named():
        return pace_run(task, adapters()).model_dump(mode="json")
