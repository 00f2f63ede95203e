"""nightfold/failure_message.py: what travels inside the message of a failed call."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightfold.errors import BRANCH_ERRORS
from nightfold.failure_message import calls_made, read_attempt, read_caught, split_calls, with_attempt, with_calls
from nightfold.text import MESSAGE_LIMIT, one_line


@pytest.mark.parametrize(
    "message", ["", "Task timed out after 630.00 seconds", "attempt", "attempt x: y", "an attempt 1: y"]
)
def test_a_message_that_is_not_ours_names_no_attempt(message: str) -> None:
    assert read_attempt(message) == (None, [])


@example(f"attempt {'1' * 10_000}: no")
@given(st.text() | st.from_regex(r"attempt \d+( after [A-Za-z, ]+)?: .*"))
def test_reading_an_attempt_never_raises(message: str) -> None:
    read_attempt(message)


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


NAMES = st.sampled_from(sorted(BRANCH_ERRORS)).filter(str.isalpha)
SECONDS = st.integers(0, 99_999_999).map(lambda hundredths: hundredths / 100)


@given(
    st.text(max_size=400),
    st.integers(1, 99),
    st.lists(NAMES, max_size=5),
    st.lists(st.tuples(SECONDS, SECONDS), max_size=5),
)
def test_what_travels_in_a_message_arrives_and_the_message_stays_short(
    message: str, attempt: int, earlier: list[str], calls: list[tuple[float, float]]
) -> None:
    sent = with_calls(with_attempt(message, attempt, earlier), calls)
    assert len(sent) <= MESSAGE_LIMIT
    rest, times = split_calls(sent)
    if calls or not split_calls(one_line(message))[1]:
        assert times == calls
    assert read_attempt(f"{rest} ") == (attempt, earlier)
    caught = read_caught({"Error": "Overloaded", "Cause": json.dumps({"errorMessage": sent})})
    assert (caught.error, caught.message, caught.calls) == ("Overloaded", one_line(rest), times)
    assert not calls or (caught.attempt, caught.earlier_errors) == (attempt, earlier)


@pytest.mark.parametrize(
    ("attempt", "errors", "calls"),
    [
        (1, [], 1),
        (3, ["RateLimited", "Overloaded"], 3),
        (3, ["KeyUnavailable", "KeyUnavailable"], 1),
        (7, ["KeyUnavailable"] * 7, 0),
        (0, ["KeyUnavailable"], 0),
    ],
)
def test_an_attempt_without_a_key_is_not_a_call(attempt: int, errors: list[str], calls: int) -> None:
    assert calls_made(attempt, errors) == calls
