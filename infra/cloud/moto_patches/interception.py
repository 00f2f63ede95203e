"""One door for every AWS call of this process.

moto answers botocore through a `before-send` handler that every client has from birth. All handlers of that event
run, even after one has answered, so another handler could add an answer but not prevent moto's: the door stands in
moto's own handler. Through it come the functions, the interpreter, the command line and the HTTP server.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from infra.cloud import aws_response
from infra.cloud.moto_patches import service_models

ACCOUNT = "123456789012"
Router = Callable[[str, str, AWSPreparedRequest], AWSResponse]
Permit = Callable[[str, str, str], bool]

_KNOWN_WAY = frozenset({"s3", "sqs", "ssm"})
_ACCESS_KEY = re.compile(r"Credential=([^/,\s]+)/")
_answers: dict[str, list[tuple[re.Pattern[str], Callable[..., Any]]]] = {}


class Denied(Exception):  # noqa: N818
    """The caller's role does not allow this call. Passes through moto, which would word it for the wrong protocol."""


def access_key(request: Any) -> str:
    """Whose call it is: the access key that signed it, or nothing."""
    authorization = request.headers.get("Authorization", "")
    if isinstance(authorization, bytes):
        authorization = authorization.decode()
    found = _ACCESS_KEY.search(authorization)
    return found[1] if found else ""


def body_of(request: AWSPreparedRequest) -> bytes:
    body: Any = request.body
    body = body.read() if hasattr(body, "read") else body or b""
    return body.encode() if isinstance(body, str) else bytes(body)


@contextmanager
def intercepted(door: Router, permit: Permit) -> Iterator[None]:
    """Every AWS call goes through `door`; within moto, `permit(access key, action, resource)` decides.

    moto's backends start empty, and are emptied again.
    """
    from moto.core.authorization import ActionAuthenticatorMixin
    from moto.core.base_backend import BackendDict
    from moto.core.botocore_stubber import BotocoreStubber
    from moto.core.config import default_user_config
    from moto.core.model_instances import reset_model_data
    from moto.core.models import botocore_stubber

    def through_the_door(_: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **__: Any) -> Any:
        if urlsplit(request.url).hostname in {"127.0.0.1", "localhost"}:
            return None  # somebody who wants to go over HTTP, to this cloud's own server for instance
        _prefix, service, operation = event_name.split(".")
        return door(service, operation, request)

    def authorize(asked: Any, _iam_request_cls: type, resource: str = "*") -> None:
        _authorize(asked, resource, permit)

    # mock_aws() is not used: it also intercepts the `requests` library, and sets credentials in the environment.
    with (
        mock.patch.object(BotocoreStubber, "__call__", through_the_door),
        mock.patch.object(botocore_stubber, "enabled", True),
        mock.patch.object(ActionAuthenticatorMixin, "_authenticate_and_authorize_action", authorize),
        mock.patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": True}}),
        service_models.parsed_once(),
    ):
        BackendDict.reset()
        try:
            yield
        finally:
            BackendDict.reset()
            reset_model_data()
            _answers.clear()


def forward(service: str, request: AWSPreparedRequest) -> AWSResponse:
    """moto's own answer."""
    try:
        answered = _quickly(service, request) if service in _KNOWN_WAY else _process(request)
    except Denied as denied:
        code = "AccessDenied" if service in {"s3", "sqs", "sns", "sts"} else "AccessDeniedException"
        return aws_response.error(request, service, 403, code, str(denied))
    if answered is None:  # moto has no such service: nothing goes out to the real one
        return aws_response.error(
            request, service, 501, "NotImplemented", f"The embedded cloud cannot answer {request.url}."
        )
    status, headers, body = answered
    return aws_response.plain(request, int(status), dict(headers), body.encode() if isinstance(body, str) else body)


def _process(request: AWSPreparedRequest) -> Any:
    from moto.core.models import botocore_stubber

    return botocore_stubber.process_request(request)


def _quickly(service: str, request: AWSPreparedRequest) -> Any:
    """moto looks for its answer anew in each call, among the addresses of all services, which takes longer than the
    answer. For the services of a run the way there is remembered."""
    from moto.core.request import normalize_request
    from moto.core.utils import get_equivalent_url_in_aws_domain
    from werkzeug.exceptions import HTTPException

    parsed, _ = get_equivalent_url_in_aws_domain(request.url)
    address = f"{parsed.scheme}://{parsed.netloc}{parsed.path}"
    for pattern, answer in _answers.get(service) or _answers_of(service):
        if pattern.match(address):
            normalized = normalize_request(request)
            try:
                return answer(normalized, normalized.raw_url, normalized.headers)
            except HTTPException as error:
                return error.code, error.get_headers(), error.get_body()
    return None


def _answers_of(service: str) -> list[tuple[re.Pattern[str], Callable[..., Any]]]:
    from moto import backends

    regions = backends.get_backend(service)[ACCOUNT]  # type: ignore[call-overload]
    backend = regions["us-east-1" if "us-east-1" in regions else "aws"]
    found = _answers[service] = [(re.compile(address), answer) for address, answer in backend.urls.items()]
    return found


def _authorize(asked: Any, resource: str, permit: Permit) -> None:
    """In place of moto's check, which `infra.cloud.iam` tells the shortcomings of."""
    action = asked._get_action()
    action = action[0] if isinstance(action, list) else action
    service = asked.service_name
    service = {"stepfunctions": "states"}.get(service, service)
    if resource == "*" and service == "sns":
        resource = asked._get_param("TopicArn") or "*"
    if resource == "*" and service in {"logs", "ssm", "states", "sns"}:
        resource = _named_in_the_call(service, asked)
    if not permit(access_key(asked), f"{service}:{action}", resource):
        raise Denied(f"User is not authorized to perform: {service}:{action} on resource: {resource}")


def _named_in_the_call(service: str, asked: Any) -> str:
    if service == "sns":
        return str(asked.querystring.get("TopicArn", ["*"])[0])
    try:
        parameters = json.loads(asked.body or "{}")
    except ValueError:
        return "*"
    if service == "logs":
        stream = parameters.get("logStreamName", "")
        return f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{parameters.get('logGroupName')}:log-stream:{stream}"
    if service == "ssm":
        name = parameters.get("Name") or parameters.get("Path") or next(iter(parameters.get("Names", [])), "*")
        return (
            str(name)
            if str(name).startswith("arn:")
            else f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{str(name).lstrip('/')}"
        )
    return str(parameters.get("executionArn") or parameters.get("stateMachineArn") or "*")
