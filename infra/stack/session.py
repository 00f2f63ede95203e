"""How the command line calls AWS: as the user's own AWS configuration says, and never believing half an answer."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import botocore.session
from botocore.config import Config

from infra.stack.aws_errors import NO_CREDENTIALS_CAME, explained
from nightfold.errors import InvalidInput
from nightfold.text import one_line

ATTEMPTS = 5  # of one call, unless the AWS configuration says otherwise: AWS_MAX_ATTEMPTS, max_attempts
CONNECTIONS = 32  # at once: records are read by several threads
_CONNECT_S, _READ_S = 5, 20  # a person waits for it
_OVER_THE_NETWORK = ("container-role", "iam-role")  # these ask for seconds where nothing answers


class Session:
    """Makes clients with the user's credentials. Raises InvalidInput if something is wrong with these or the region."""

    def __init__(self, region: str | None = None, profile: str | None = None) -> None:
        self._core = core = botocore.session.Session(profile=profile)
        with explained("sts"):
            # The aws command line reads AWS_REGION, botocore does not.
            core.set_config_variable("region", region or os.environ.get("AWS_REGION") or None)
            core.set_default_client_config(_calls(core))
            core.register("before-parse", _refuse_half_an_answer)
            core.register("needs-retry.*.*", _by_its_new_status)  # so deep, because the deepest handler is asked first
            if not core.get_config_variable("region"):
                raise InvalidInput("--region: no AWS region is set; add --region, or set AWS_REGION")
        with _credentials_load():  # now, and not in the first call: here whatever goes wrong is about credentials
            if credentials := core.get_credentials():
                credentials.get_frozen_credentials()

    def client(self, service: str) -> Any:
        """As boto3 makes it. Raises InvalidInput, also for an address that is none."""
        try:
            with explained(service):
                return self._core.create_client(service)
        except ValueError as error:
            raise InvalidInput(f"AWS_ENDPOINT_URL: {error}") from None


def _calls(core: botocore.session.Session) -> Config:
    try:
        attempts = core.get_config_variable("max_attempts") or ATTEMPTS
    except ValueError:
        raise InvalidInput("--stack: max_attempts of the AWS configuration is not a number") from None
    return Config(
        retries={"total_max_attempts": attempts},
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        max_pool_connections=CONNECTIONS,
    )


def _refuse_half_an_answer(**event: Any) -> None:
    """An answer that was cut short becomes a failure of the service, which is tried again.

    botocore does not compare a body with its declared length, and takes half a JSON document for an empty answer. (With
    S3 it is more careful, and what is streamed checks its length itself.)
    """
    answer = event["response_dict"]
    declared, body = answer["headers"].get("content-length", ""), answer["body"]
    if event["operation_model"].http["method"] == "HEAD" or not declared.isdigit() or not isinstance(body, bytes):
        return
    if len(body) < int(declared):
        answer.update(status_code=502, body=b"")


def _by_its_new_status(**event: Any) -> None:
    """As botocore does for S3: what decides about another attempt looks at the response, not at what was parsed."""
    if event["response"] is not None:
        answered, parsed = event["response"]
        answered.status_code = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", answered.status_code)


def found_credentials() -> str | None:
    """Where boto3 finds some, such as `env` or `sso`, without a question to AWS; None if there are none. Raises
    InvalidInput."""
    session = botocore.session.get_session()
    with _credentials_load():
        for provider in _OVER_THE_NETWORK:
            session.get_component("credential_provider").remove(provider)
        credentials = session.get_credentials()
    return str(credentials.method) if credentials else None


@contextmanager
def _credentials_load() -> Iterator[None]:
    """Raises InvalidInput for whatever goes wrong while they do, without a word of what a program has printed: perhaps
    a secret."""
    try:
        with explained("sts"):  # a role in the profile is assumed
            yield
    except EOFError:
        raise InvalidInput("--stack: the AWS profile asks for an MFA code, which takes a terminal") from None
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
        # A credential_process that cannot be run, or prints what botocore does not expect.
        why = str(error) if isinstance(error, OSError | RuntimeError) else type(error).__name__
        raise InvalidInput(f"{NO_CREDENTIALS_CAME} ({one_line(why)})") from None
