"""nightfold/errors.py"""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from nightfold import errors
from nightfold.errors import AwsUnavailable, UnexpectedError, aws_errors_named, invalid
from nightfold.failure_message import read_attempt, split_calls, with_attempt, with_calls
from nightfold.text import MESSAGE_LIMIT, one_line

NAMES = sorted(
    name for name, value in vars(errors).items() if isinstance(value, type) and value.__module__ == "nightfold.errors"
)


@given(st.text(), st.integers(1, 700))
def test_one_line_is_one_visible_line_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert not set(line) & set("\x00\x1b\x7f\x9b\u200b\u200e\u202e\u2028\u2066\ud800")
    line.encode()  # no lone surrogates


@given(st.text(max_size=900))
def test_one_line_says_the_same_when_it_is_applied_twice(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain words", "plain words"),
        ("two\nlines\r\n\tand a tab", "two lines and a tab"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("\x1b]0;title\x07", "]0;title"),
        ("left\u202eright", "left right"),
        ("zero\u200bwidth", "zero width"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("Häfen und Gärten", "Häfen und Gärten"),
        ("港の記事", "港の記事"),
        ("quoted “so” and…", "quoted “so” and…"),
        ("", ""),
        ("\x00\x01\x02", ""),
    ],
)
def test_one_line_keeps_what_can_be_read_and_drops_what_acts(text: str, line: str) -> None:
    assert one_line(text) == line


@given(
    st.text(),
    st.integers(1, 99),
    st.lists(st.sampled_from(["RateLimited", "Overloaded", "NetworkError", "ModelTimeout"]), max_size=5),
)
def test_an_attempt_is_read_as_it_was_written(message: str, attempt: int, earlier: list[str]) -> None:
    written = with_attempt(message, attempt, earlier)
    assert len(written) <= MESSAGE_LIMIT
    assert read_attempt(f"{written} ") == (attempt, earlier)


@pytest.mark.parametrize(
    "message", ["", "Task timed out after 630.00 seconds", "attempt", "attempt x: y", "an attempt 1: y"]
)
def test_a_message_of_somebody_else_names_no_attempt(message: str) -> None:
    assert read_attempt(message) == (None, [])


@given(st.text() | st.from_regex(r"attempt \d+( after [A-Za-z, ]+)?: .*"))
def test_reading_an_attempt_never_raises(message: str) -> None:
    read_attempt(message)


def test_reading_an_attempt_of_ten_thousand_digits_does_not_raise() -> None:
    read_attempt(f"attempt {'1' * 10_000}: no")


def test_error_classes_are_flat_leaves_with_a_docstring() -> None:
    assert len(NAMES) == 10
    for name in NAMES:
        error = getattr(errors, name)
        assert error.__bases__ == (Exception,), name
        assert error.__doc__, name


def _client_error(status: int, code: str) -> ClientError:
    told = {"Code": code, "Message": "Please reduce\nyour request rate. " + "x" * 500}
    return ClientError({"Error": told, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")  # type: ignore[typeddict-item]


def test_aws_errors_leave_as_one_line_without_their_cause() -> None:
    for error, named in (
        (_client_error(503, "SlowDown"), AwsUnavailable),
        (_client_error(500, "InternalError"), AwsUnavailable),
        (_client_error(400, "ThrottlingException"), AwsUnavailable),
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
        "four.a: Field required; four.b: Field required; four.c: Field required (and 1 more)"
    )


@pytest.mark.parametrize("message", ["attempt 3 after Overloaded, Overloaded: 529 Overloaded", "m" * 300, ""])
@pytest.mark.parametrize("calls", [[], [(0.0, 0.31)], [(0.12, 0.9), (4.4, 5.25), (123.4, 723.0)]])
def test_the_times_of_calls_travel_at_the_end_of_a_message(message: str, calls: list[tuple[float, float]]) -> None:
    written = with_calls(message, calls)
    assert len(written) <= max(MESSAGE_LIMIT, len(message) if not calls else 0)
    read, times = split_calls(written)
    assert times == calls
    assert message.startswith(read.removesuffix("…"))


@pytest.mark.parametrize(
    "message", ["no [1-2]", "[0.10-0.20]", "x [0.10-0.20] y", "x [0.10-]", "x [" + "0.10-0.20 " * 9999]
)
def test_what_only_looks_like_times_is_left_in_the_message(message: str) -> None:
    assert split_calls(message) == (message, [])
