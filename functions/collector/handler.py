"""The Lambda handler of CollectSite."""

import os
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from collector.claude import Claude
from collector.collect import collect
from collector.connections import BoundedClient
from collector.prompt import Prompt
from collector.settings import settings
from nightfold.branch import Answer, CollectorEvent, SiteTask
from nightfold.errors import AccessDenied, KeyUnavailable, UnexpectedError, invalid
from nightfold.observability import in_request, keep_secret
from nightfold.storage import CALLS
from nightfold.text import is_api_key

_one_client = threading.Lock()  # in a local run, branches are threads of one process


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """What collecting touches outside this process, before it has a key."""

    connections: BoundedClient


@cache
def adapters() -> Adapters:
    return Adapters(connections=BoundedClient())


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    adapters()  # reads the certificates: on Lambda init has a whole processor, a call of this function a third of one


@cache
def _claude() -> Claude:
    """The client, with the key from SSM: read once per execution environment."""
    name = settings().anthropic_api_key_parameter
    ssm = boto3.client("ssm", config=CALLS)
    try:
        key = str(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]).strip()
    except ssm.exceptions.ParameterNotFound:
        raise AccessDenied(f"no API key in {name}; store one with nightfold key --stack NAME") from None
    except (BotoCoreError, ClientError) as error:
        raise KeyUnavailable(f"the API key {name} could not be read from SSM: {type(error).__name__}") from None
    if not is_api_key(key):
        raise AccessDenied(f"the value of {name} is not an API key: it must be one word of printable ASCII")
    keep_secret(key)
    return Claude(key, settings().anthropic_base_url, adapters().connections)


def ask(task: SiteTask, prompt: Prompt) -> Answer:
    with _one_client:
        claude = _claude()
    try:
        return claude.ask(task, prompt)
    except AccessDenied:
        _claude.cache_clear()  # the key may have been replaced: the next invocation reads it again
        raise


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    in_request(context)
    try:
        call = CollectorEvent.model_validate(event)
    except ValidationError as error:
        raise UnexpectedError(str(invalid(error, "event"))) from None
    return collect(call, ask).model_dump(mode="json")
