"""Routes every AWS call of this process through one function.

moto answers botocore through a `before-send` handler that every client has from the start. All handlers of that event
run, even after one has answered, so another handler could add an answer but not prevent moto's. So moto's own handler
is replaced. The functions, the interpreter, the command line and the HTTP server all go through it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from infra.cloud import aws_response, services

Router = Callable[[str, str, AWSPreparedRequest], AWSResponse]
Permit = Callable[[str, str, str], bool]

_ACCESS_KEY = re.compile(r"Credential=([^/,\s]+)/")


class Denied(Exception):  # noqa: N818
    """The caller's role does not allow this call. Passes through moto, which would write it for the wrong protocol."""


def access_key(request: Any) -> str:
    """The access key that signed the request, or ""."""
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
def intercepted(router: Router, permit: Permit) -> Iterator[None]:
    """Every AWS call goes through `router`; within moto, `permit(access key, action, resource)` decides.

    moto's backends start empty and are emptied at the end.
    """
    from moto.core.authorization import ActionAuthenticatorMixin
    from moto.core.base_backend import BackendDict
    from moto.core.botocore_stubber import BotocoreStubber
    from moto.core.config import default_user_config
    from moto.core.model_instances import reset_model_data
    from moto.core.models import botocore_stubber

    def through_the_router(_: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **__: Any) -> Any:
        if urlsplit(request.url).hostname in {"127.0.0.1", "localhost"}:
            return None  # a caller that wants HTTP, for instance to this cloud's own server
        _prefix, service, operation = event_name.split(".")
        return router(service, operation, request)

    def authorize(asked: Any, _iam_request_cls: type, resource: str = "*") -> None:
        _authorize(asked, resource, permit)

    # mock_aws() is not used: it also intercepts the `requests` library, and sets credentials in the environment.
    with (
        mock.patch.object(BotocoreStubber, "__call__", through_the_router),
        mock.patch.object(botocore_stubber, "enabled", True),
        mock.patch.object(ActionAuthenticatorMixin, "_authenticate_and_authorize_action", authorize),
        mock.patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": True}}),
    ):
        BackendDict.reset()
        try:
            yield
        finally:
            BackendDict.reset()
            reset_model_data()


def forward(service: str, request: AWSPreparedRequest) -> AWSResponse:
    """moto's own answer."""
    from moto.core.models import botocore_stubber

    try:
        answered = botocore_stubber.process_request(request)
    except Denied as denied:
        return aws_response.error(request, service, 403, services.named(service).denied, str(denied))
    if answered is None:  # moto does not have this service; the real one is never called
        return aws_response.error(
            request, service, 501, "NotImplemented", f"The embedded cloud cannot answer {request.url}."
        )
    status, headers, body = answered
    return aws_response.plain(request, int(status), dict(headers), body.encode() if isinstance(body, str) else body)


def _authorize(asked: Any, resource: str, permit: Permit) -> None:
    """Replaces moto's check; `infra.cloud.iam` lists its shortcomings."""
    action = asked._get_action()
    action = action[0] if isinstance(action, list) else action
    service = services.of_moto(asked.service_name)
    if resource == "*" and service.names is not None:
        resource = service.names({**_parameters(asked), "path": asked.path})
    if not permit(access_key(asked), f"{service.scope}:{action}", resource):
        raise Denied(f"User is not authorized to perform: {service.scope}:{action} on resource: {resource}")


def _parameters(asked: Any) -> Mapping[str, Any]:
    """The parameters of a call, for protocols that have them in the body."""
    try:
        parameters = json.loads(asked.body or "")
    except ValueError:
        return {name: values[0] for name, values in asked.querystring.items()}
    return parameters if isinstance(parameters, dict) else {}
