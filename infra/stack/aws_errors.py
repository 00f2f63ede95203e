"""What AWS refuses, as one sentence that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from nightfold.errors import AwsUnavailable, InvalidInput
from nightfold.text import one_line

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
UNKNOWN_KEY = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
PERMISSION_OF = {  # operations that IAM knows by another name
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "SendMessageBatch": "SendMessage",
}
NOT_AWS = "--stack: what answered is not AWS; check AWS_ENDPOINT_URL and the access key"
OF_CREDENTIALS = {  # operations by which botocore gets credentials, and their services
    "AssumeRole": "sts",
    "AssumeRoleWithWebIdentity": "sts",
    "GetRoleCredentials": "sso",
}
NO_CREDENTIALS_CAME = "--stack: the AWS profile gives no credentials; run its credential_process by hand to see why"
_SIGN_IN_AGAIN = "--stack: the AWS credentials have expired; sign in again, for example with `aws sso login`"
_BY_TYPE: tuple[tuple[type[Exception], str], ...] = (  # {error} only where its text holds no secret
    (
        aws.NoCredentialsError,
        "--stack: no AWS credentials were found; `aws configure` or `aws sso login` sets them, --profile chooses them",
    ),
    (aws.PartialCredentialsError, "--stack: the AWS credentials are not complete: {error}"),
    (aws.SSOError, _SIGN_IN_AGAIN),
    (aws.LoginError, _SIGN_IN_AGAIN),
    (aws.TokenRetrievalError, _SIGN_IN_AGAIN),
    (aws.CredentialRetrievalError, NO_CREDENTIALS_CAME),
    (aws.ProfileNotFound, "--profile: {error}"),
    (aws.InvalidRegionError, "--region: {error}"),
    (aws.ConnectionError, "--stack: AWS did not answer: {error}"),
    (aws.ConnectionClosedError, "--stack: AWS did not answer: {error}"),
    (aws.ReadTimeoutError, "--stack: AWS did not answer: {error}"),
    (aws.ResponseStreamingError, "--stack: AWS did not answer: {error}"),
    (
        aws.HTTPClientError,
        "--stack: AWS cannot be asked: the connection fails, or the AWS credentials have line breaks",
    ),
    (aws.BotoCoreError, "--stack: AWS cannot be asked: {error}"),
)


class NotAllowed(InvalidInput):
    """The credentials lack a permission; the message names it."""


@contextmanager
def explained(service: str) -> Iterator[None]:
    """Raises InvalidInput for what AWS refuses to answer; `service` as IAM actions name it ("s3")."""
    try:
        yield
    except ClientError as error:
        denied = error.response["Error"]["Code"] in DENIED
        raise (NotAllowed if denied else InvalidInput)(_refused(service, error)) from None
    except AwsUnavailable as error:
        raise InvalidInput(f"--stack: {error}; try again") from None
    except ResponseParserError:
        raise InvalidInput(NOT_AWS) from None
    except BotoCoreError as error:
        sentence = next(sentence for kind, sentence in _BY_TYPE if isinstance(error, kind))
        raise InvalidInput(sentence.format(error=one_line(str(error)))) from None


def _refused(service: str, error: ClientError) -> str:
    code = error.response["Error"]["Code"]
    of_credentials = error.operation_name in OF_CREDENTIALS
    service = OF_CREDENTIALS.get(error.operation_name, service)
    action = f"{service}:{PERMISSION_OF.get(error.operation_name, error.operation_name)}"
    if code in EXPIRED:
        return _SIGN_IN_AGAIN
    if code in UNKNOWN_KEY:
        return "--stack: AWS does not know these credentials; check the profile and the clock, or sign in again"
    if code in DENIED and not of_credentials:
        return (
            f"--stack: these AWS credentials do not allow {action}; attach the policy of the stack's output "
            "OperatorPolicyArn to their user or role"
        )
    return f"--stack: AWS refused {action}: {one_line(f'{code}: {error.response["Error"].get("Message", "")}')}"
