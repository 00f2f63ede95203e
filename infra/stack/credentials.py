"""The AWS credentials of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import botocore.session

from infra.stack.aws_errors import NO_CREDENTIALS_CAME, explained
from nightfold.errors import InvalidInput
from nightfold.text import one_line

_OVER_THE_NETWORK = ("container-role", "iam-role")  # these ask for seconds where nothing answers


def found_credentials() -> str | None:
    """Where boto3 finds some, such as `env` or `sso`, without a question to AWS; None if there are none. Raises
    InvalidInput."""
    session = botocore.session.get_session()
    with credentials_load():
        for provider in _OVER_THE_NETWORK:
            session.get_component("credential_provider").remove(provider)
        credentials = session.get_credentials()
    return str(credentials.method) if credentials else None


@contextmanager
def credentials_load() -> Iterator[None]:
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
