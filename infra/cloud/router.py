"""Where every AWS call of this process and of the HTTP server is answered."""

import functools
from urllib.parse import unquote

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import BotoCoreError

from infra.cloud import aws_response, faults
from infra.cloud.boto_sessions import parameters_of_this_call
from infra.cloud.lambdas import sandbox
from infra.cloud.lambdas.invoke import CannotInvoke, Lambdas
from infra.cloud.moto_patches import interception, s3
from infra.cloud.role_sessions import RoleSessions


class Router:
    """moto answers, except for lambda:Invoke, which the handlers answer, and for the faults that a test injects."""

    lambdas: Lambdas  # set once the functions are deployed, and so is the next
    machine_role: str = ""
    bucket: str = ""

    def __init__(self, identities: RoleSessions, hook: faults.Hook | None) -> None:
        self._role_sessions, self._hook = identities, hook

    def __call__(self, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse:
        """`service` and `operation` as botocore names them. Raises botocore's exceptions for broken connections."""
        caller = sandbox.running()
        if caller is not None and caller.over.is_set():
            raise sandbox.SandboxKilled
        answer = functools.partial(self._answer, service, operation)
        role = self._role_sessions.role(interception.access_key(request))
        fault = self._hook(service, operation, parameters_of_this_call()) if self._hook and role else None
        if fault is None:
            return answer(request)
        try:
            return faults.meet(fault, service, request, answer)
        except BotoCoreError as error:
            if role != self.machine_role:
                raise
            # Step Functions reports a broken connection of its own as an error of the service's SDK client.
            return aws_response.error(request, service, 500, "SdkClientException", str(error))

    def _answer(self, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse:
        if service == "lambda" and operation == "Invoke":
            return self._invoke(request)
        plainly = s3.answer_plainly(operation, request, self._role_sessions.permit) if service == "s3" else None
        answered = plainly or interception.forward(service, request)
        if service == "s3" and answered.status_code == 404 and not self._may_know(request):
            return aws_response.error(request, service, 403, "AccessDenied", "Access Denied")
        return answered

    def _may_know(self, request: AWSPreparedRequest) -> bool:
        """S3 tells only those who may list the bucket that an object is not there."""
        return self._role_sessions.permit(
            interception.access_key(request), "s3:ListBucket", f"arn:aws:s3:::{self.bucket}"
        )

    def _invoke(self, request: AWSPreparedRequest) -> AWSResponse:
        name = unquote(request.url.partition("/functions/")[2].partition("/invocations")[0])
        try:
            function = self.lambdas.find(name)
            if not self._role_sessions.permit(interception.access_key(request), "lambda:InvokeFunction", function.arn):
                message = f"User is not authorized to perform: lambda:InvokeFunction on resource: {function.arn}"
                return aws_response.error(request, "lambda", 403, "AccessDeniedException", message)
            answered = self.lambdas.invoke(name, interception.body_of(request))
        except CannotInvoke as error:
            return aws_response.error(request, "lambda", error.status, error.code, str(error))
        headers = {"content-type": "application/json", "X-Amz-Executed-Version": "$LATEST"}
        if answered.function_error:
            headers["X-Amz-Function-Error"] = answered.function_error
        return aws_response.plain(request, 200, headers, answered.payload)
