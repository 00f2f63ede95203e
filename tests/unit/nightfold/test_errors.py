"""nightfold/errors.py"""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pydantic import BaseModel, ValidationError

from nightfold import errors
from nightfold.errors import AwsUnavailable, UnexpectedError, aws_errors_named, invalid
from nightfold.text import MESSAGE_LIMIT

NAMES = sorted(
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == errors.__name__
)


def test_error_classes_are_flat_leaves_with_a_docstring() -> None:
    assert len(NAMES) >= 10
    for name in NAMES:
        error = getattr(errors, name)
        assert error.__bases__ == (Exception,), name
        assert error.__doc__, name


def _client_error(status: int, code: str) -> ClientError:
    details = {"Code": code, "Message": "Please reduce\nyour request rate. " + "x" * 500}
    return ClientError({"Error": details, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")  # type: ignore[typeddict-item]


def test_aws_errors_leave_as_one_line_without_their_cause() -> None:
    for error, named in (
        (_client_error(503, "SlowDown"), AwsUnavailable),
        (_client_error(500, "InternalError"), AwsUnavailable),
        (_client_error(400, "ThrottlingException"), AwsUnavailable),
        (_client_error(400, "RequestTimeout"), AwsUnavailable),
        (_client_error(409, "ConditionalRequestConflict"), AwsUnavailable),
        (EndpointConnectionError(endpoint_url="https://s3"), AwsUnavailable),
        (_client_error(403, "AccessDenied"), UnexpectedError),  # a policy: another try would fail as well
        (_client_error(404, "NoSuchBucket"), UnexpectedError),
    ):
        with pytest.raises(named) as raised, aws_errors_named():
            raise error
        assert len(str(raised.value)) <= MESSAGE_LIMIT
        assert "\n" not in str(raised.value)
        assert raised.value.__suppress_context__


def test_what_is_not_of_aws_passes_untouched() -> None:
    with pytest.raises(KeyError), aws_errors_named():
        raise KeyError("key")


def test_invalid_names_the_first_three_fields_and_counts_the_rest() -> None:
    class Four(BaseModel):
        a: int
        b: int
        c: int
        d: int

    with pytest.raises(ValidationError) as raised:
        Four.model_validate({})
    assert str(invalid(raised.value, "four")) == (
        "four.a: is missing; four.b: is missing; four.c: is missing (and 1 more)"
    )
