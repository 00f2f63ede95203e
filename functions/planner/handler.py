"""The Lambda handler of PlanRun."""

from functools import cache
from typing import Any

from pydantic import ValidationError

from nightfold.errors import aws_errors_named, invalid
from nightfold.observability import in_request
from nightfold.storage import Bucket
from planner.configuration import ConfigurationParameter
from planner.draft import PlanTask
from planner.executions import Executions
from planner.miss_queue import MissQueue
from planner.plan import Adapters, plan_run
from planner.settings import settings


@cache
def adapters() -> Adapters:
    return Adapters(
        bucket=Bucket(settings().bucket),
        parameter=ConfigurationParameter(settings().configuration_parameter),
        queue=MissQueue(settings().miss_queue_url),
        executions=Executions(),
        simulated=settings().messages_api == "simulated",
        retention_days=settings().run_retention_days,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    in_request(context)
    try:
        task = PlanTask.model_validate(event)
    except ValidationError as error:
        raise invalid(error, "event") from None
    with aws_errors_named():
        return plan_run(task, adapters()).model_dump(mode="json")
