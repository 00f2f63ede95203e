"""The AWS credentials of this machine, without a question to AWS."""

import botocore.session
from botocore.exceptions import BotoCoreError

from nightfold.errors import InvalidInput
from nightfold.text import one_line

_OVER_THE_NETWORK = ("container-role", "iam-role")  # these ask for seconds where nothing answers


def found_credentials() -> str | None:
    """Where boto3 finds some, such as `env` or `sso`; None if there are none. Raises InvalidInput."""
    try:
        session = botocore.session.get_session()
        for provider in _OVER_THE_NETWORK:
            session.get_component("credential_provider").remove(provider)
        credentials = session.get_credentials()
    except BotoCoreError as error:  # a profile that does not exist, a file that cannot be read
        raise InvalidInput(one_line(str(error))) from None
    return str(credentials.method) if credentials else None
