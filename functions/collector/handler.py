"""The Lambda handler of CollectSite."""

import threading
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from pydantic import ValidationError

from collector.claude import Claude, connections
from collector.collect import collect
from collector.prompt import Prompt
from collector.settings import settings
from nightfold.branch import Answer, CollectorEvent, SiteTask
from nightfold.errors import AccessDenied, NetworkError, UnexpectedError, invalid
from nightfold.storage import CALLS

_one_client = threading.Lock()  # in the local run branches are threads of one process


@cache
def outside() -> dict[str, Any]:
    """What collecting touches, before it has a key."""
    return {"connections": connections()}


@cache
def _claude() -> Claude:
    """The client, with the key as SSM holds it: read once per execution environment."""
    name = settings().anthropic_api_key_parameter
    try:
        key = SSMProvider(boto3_client=boto3.client("ssm", config=CALLS)).get(name, decrypt=True, max_age=60)
    except GetParameterError as error:
        if "ParameterNotFound" in str(error):
            raise AccessDenied(
                f"no API key: aws ssm put-parameter --type SecureString --name {name} --value …"
            ) from None
        raise NetworkError(f"the API key {name} could not be read from SSM") from None
    return Claude(str(key), settings().anthropic_base_url, **outside())


def ask(task: SiteTask, prompt: Prompt) -> Answer:
    with _one_client:
        claude = _claude()
    try:
        return claude.ask(task, prompt)
    except AccessDenied:
        _claude.cache_clear()  # the key may have been replaced: the next invocation reads it again
        raise


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    try:
        call = CollectorEvent.model_validate(event)
    except ValidationError as error:
        raise UnexpectedError(str(invalid(error, "event"))) from None
    return collect(call, ask).model_dump(mode="json")
