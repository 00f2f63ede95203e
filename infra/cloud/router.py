"""Answers every AWS call of this process and of the HTTP server: one list of handlers, in order."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import BotoCoreError

from infra.cloud import aws_response
from infra.cloud.lambdas import sandbox
from infra.cloud.lambdas.invoke import CannotInvoke, Lambdas
from infra.cloud.moto_patches import interception, speedups
from infra.cloud.role_sessions import RoleSessions
from infra.state.directory import CannotStore
from infra.state.object_files import KeyIsNotAPath
from infra.state.places import UnsafeState


@dataclass(frozen=True)
class Call:
    """One AWS call. `service` and `operation` as botocore names them."""

    service: str
    operation: str
    request: AWSPreparedRequest
    role: str | None  # of the caller; None is the laptop's user

    @property
    def access_key(self) -> str:
        return interception.access_key(self.request)

    def refused(self, status: int, code: str, message: str) -> AWSResponse:
        return aws_response.error(self.request, self.service, status, code, message)


Next = Callable[[], AWSResponse]
Around = Callable[[str, str, AWSPreparedRequest, Next], AWSResponse]
"""A test's wrapper around each call of a function or of the state machine, called once per attempt with botocore's
names of service and operation, the request, and the function that answers it. botocore's exceptions mean broken
connections."""


class Router:
    """Is called like a function. Each handler answers, or lets the next one answer and may change that answer."""

    lambdas: Lambdas  # this and the next two are set once the functions are deployed
    machine_role: str = ""
    bucket: str = ""

    def __init__(self, role_sessions: RoleSessions, around: Around | None) -> None:
        self._role_sessions, self._around = role_sessions, around
        self._handlers = (
            self._end_killed_invocations,  # first: an invocation that timed out must not change anything
            self._let_a_test_wrap,  # before the call takes effect, because a fault decides whether it does
            self._report_storage,  # what the state directory refuses, for all handlers below
            self._refuse_to_call_out,  # before moto, which would
            self._invoke_functions,  # moto's Lambda needs Docker
            self._hide_missing_objects,  # around both that answer S3
            self._answer_plain_objects,  # most calls of a run, three times as fast as moto
            self._forward_to_moto,  # all else
        )

    def __call__(self, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse:
        """Raises botocore's exceptions for broken connections."""
        call = Call(service, operation, request, self._role_sessions.role(interception.access_key(request)))
        return self._answer(call, 0)

    def _answer(self, call: Call, index: int) -> AWSResponse:
        return self._handlers[index](call, functools.partial(self._answer, call, index + 1))

    def _end_killed_invocations(self, call: Call, following: Next) -> AWSResponse:  # noqa: ARG002
        caller = sandbox.running()
        if caller is not None and caller.over.is_set():
            raise sandbox.SandboxKilled
        return following()

    def _let_a_test_wrap(self, call: Call, following: Next) -> AWSResponse:
        if self._around is None or not call.role:
            return following()
        try:
            return self._around(call.service, call.operation, call.request, following)
        except BotoCoreError as error:
            if call.role != self.machine_role:
                raise
            # Step Functions reports a broken connection that it made as an error of the service's SDK client.
            return call.refused(500, "SdkClientException", str(error))

    def _report_storage(self, call: Call, following: Next) -> AWSResponse:
        try:
            return following()
        except (CannotStore, UnsafeState) as error:  # 400: a retry would only take time
            return call.refused(400, type(error).__name__, str(error))
        except KeyIsNotAPath as error:
            return call.refused(400, "InvalidRequest", str(error))

    def _refuse_to_call_out(self, call: Call, following: Next) -> AWSResponse:
        """For an http(s) subscription of a topic moto would call any address that the caller chooses."""
        if (call.service, call.operation) == ("sns", "Subscribe"):
            fields = parse_qs(interception.body_of(call.request).decode("utf-8", "replace"))
            protocol = fields.get("Protocol", [""])[0]
            if protocol not in {"email", "email-json", "sms", "sqs"}:
                return call.refused(400, "InvalidParameter", f"The embedded cloud does not deliver over {protocol!r}.")
        return following()

    def _invoke_functions(self, call: Call, following: Next) -> AWSResponse:
        if (call.service, call.operation) != ("lambda", "Invoke"):
            return following()
        name = unquote(call.request.url.partition("/functions/")[2].partition("/invocations")[0])
        try:
            function = self.lambdas.find(name)
            if not self._role_sessions.permit(call.access_key, "lambda:InvokeFunction", function.arn):
                message = f"User is not authorized to perform: lambda:InvokeFunction on resource: {function.arn}"
                return call.refused(403, "AccessDeniedException", message)
            answered = self.lambdas.invoke(name, interception.body_of(call.request))
        except CannotInvoke as error:
            return call.refused(error.status, error.code, str(error))
        headers = {"content-type": "application/json", "X-Amz-Executed-Version": "$LATEST"}
        if answered.function_error:
            headers["X-Amz-Function-Error"] = answered.function_error
        return aws_response.plain(call.request, 200, headers, answered.payload)

    def _hide_missing_objects(self, call: Call, following: Next) -> AWSResponse:
        """S3 reports that an object is missing only to callers that may list the bucket."""
        answered = following()
        if call.service != "s3" or answered.status_code != 404:
            return answered
        if self._role_sessions.permit(call.access_key, "s3:ListBucket", f"arn:aws:s3:::{self.bucket}"):
            return answered
        return call.refused(403, "AccessDenied", "Access Denied")

    def _answer_plain_objects(self, call: Call, following: Next) -> AWSResponse:
        permit = self._role_sessions.permit
        plainly = speedups.answer_plainly(call.operation, call.request, permit) if call.service == "s3" else None
        return plainly or following()

    def _forward_to_moto(self, call: Call, following: Next) -> AWSResponse:  # noqa: ARG002 - the last one
        return interception.forward(call.service, call.request)
