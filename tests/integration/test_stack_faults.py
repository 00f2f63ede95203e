"""Every command for a stack while AWS throttles it, loses answers, or no longer accepts its credentials."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from infra.cli.recorded_misses import READERS
from infra.stack.configuration import ConfigurationParameter
from nightfold.errors import InvalidInput
from tests.integration.command_line import Finished
from tests.integration.served_stack import SPEED, Faulty, Served, serving
from tests.support.clouds import hurried
from tests.support.faulty_aws import (
    FaultyAWS,
    OfService,
    always,
    cut_short,
    expired,
    in_turn,
    lost,
    never_arrived,
    throttled,
)
from tests.support.stack_commands import BESIDES, BROUGHT_BY, FINDS_WHAT_IS_MISSING, GIVEN, NEEDED

FIRST = {"cloudformation:DescribeStacks"}  # that every command calls
HIDES = {"sqs:ReceiveMessage"}  # what it received before its answer was lost, no second attempt can bring
WRITES = {"sites FILE", "key", "memory SITE --forget"}
PLAYED = [command for command in NEEDED if command in {*BROUGHT_BY.values(), *WRITES}]  # each action, and each write
VARIES = re.compile(
    r"(?m:^\d+\.\ds .*\n)"  # the progress of a run
    r"|(manual|redrive|smoke)-\d{8}T\d{6}Z-[0-9a-f]{4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # runs
    r"|/\S+/"  # folders of copies
    r"|\b(\d+(\.\d+)? (s|min|h|d)\b ?)+"  # ages and durations
    # `key` may not read the key, and cannot tell a former one from its own first write
    r"|A collector that is still warm uses the former key until it ends, or until Claude refuses that key\.\n"
)


@pytest.fixture(autouse=True)
def attempts_follow_soon() -> Iterator[None]:
    with hurried(SPEED):
        yield


@pytest.fixture
def aws(fresh: Served) -> Iterator[FaultyAWS]:
    with FaultyAWS(fresh.url) as aws:
        yield aws


def meeting(stack: Served, aws: FaultyAWS, command: str, **environment: str) -> Finished:
    return stack.stack(*stack.words(command), given=GIVEN.get(command), AWS_ENDPOINT_URL=aws.url, **environment)


def said(done: Finished) -> tuple[int, list[str], list[str]]:
    """The words of a command, without what differs each time."""
    return done.code, VARIES.sub("", done.out).split(), VARIES.sub("", done.err).split()


def started_something(command: str) -> bool:
    return any(action.startswith("states:") for action in NEEDED[command])


def one_sentence(refused: Finished, sentence: str) -> None:
    assert (refused.code, refused.out) == (64, "")
    assert sentence in refused.err.splitlines()[-1]
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    ("command", "faults"), [*zip(PLAYED, cycle([(throttled, lost), (cut_short, never_arrived)]), strict=False)]
)
def test_a_command_does_the_same_while_every_call_fails_twice(
    some_runs: Path, tmp_path: Path, command: str, faults: tuple[OfService, ...]
) -> None:
    def left(stack: Served) -> Any:
        return None if started_something(command) else (stack.queued(), stack.documents())

    with serving(some_runs, tmp_path / "calm") as stack, FaultyAWS(stack.url) as aws:
        calm = meeting(stack, aws, command)
        assert calm.code == (1 if command in FINDS_WHAT_IS_MISSING else 0), calm.err
        assert NEEDED[command] <= aws.calls.keys() <= NEEDED[command] | BESIDES[command]
        undisturbed = left(stack)
    with serving(some_runs, tmp_path / "stormy") as stack, FaultyAWS(stack.url) as aws:
        aws.fault = in_turn(*faults, never_lost=HIDES)
        assert said(meeting(stack, aws, command)) == said(calm)
        assert {action: aws.met[action] for action in NEEDED[command]} == dict.fromkeys(NEEDED[command], 2)
        assert left(stack) == undisturbed


@pytest.mark.parametrize("command", [command for command in PLAYED if command not in FINDS_WHAT_IS_MISSING])
def test_a_call_that_is_always_refused_is_one_sentence_and_loses_nothing(
    fresh: Served, aws: FaultyAWS, command: str
) -> None:
    parked_or_waiting, documents = set().union(*fresh.queued().values()), fresh.documents()
    for action in sorted(FIRST | {action for action in NEEDED[command] if BROUGHT_BY[action] == command}):
        aws.fault = always(action, expired)
        one_sentence(meeting(fresh, aws, command), "the AWS credentials have expired; sign in again")
        aws.met.clear()
        aws.fault = always(action, throttled)
        one_sentence(meeting(fresh, aws, command, AWS_MAX_ATTEMPTS="2"), f"AWS refused {action}: ")
        assert 2 <= aws.met[action] <= 2 * READERS  # objects are read side by side
        assert aws.met[action] % 2 == 0
    if not started_something(command):
        assert parked_or_waiting <= set().union(*fresh.queued().values())
        assert fresh.documents() == documents


@pytest.mark.parametrize("command", FINDS_WHAT_IS_MISSING)
def test_what_goes_on_without_a_permission_ends_without_credentials(
    fresh: Served, aws: FaultyAWS, command: str
) -> None:
    aws.fault = lambda service, *_: expired(service)
    one_sentence(meeting(fresh, aws, command), "the AWS credentials have expired; sign in again")


@pytest.mark.parametrize("fault", [lost, cut_short])
def test_misses_of_an_answer_that_was_lost_are_counted(fresh: Served, aws: FaultyAWS, fault: OfService) -> None:
    before = fresh.queued()
    aws.fault = lambda service, action, met: fault(service) if action in HIDES and not met else None
    done = meeting(fresh, aws, "unpark")
    assert (done.code, done.out) == (0, "0 misses moved back, 0 still parked\n")
    assert "SQS counts 1 more parked than it hands out." in done.err
    assert fresh.queued() == before


@pytest.mark.parametrize("other_before", [None, 0, 1])
def test_a_second_write_of_our_own_is_not_another_operators_change(fresh: Served, other_before: int | None) -> None:
    """The answer of each write is lost, and botocore writes again. Another operator's configuration comes before one of
    the two writes, or not at all."""

    def lost_answers(put_parameter: Callable[..., Any], given: Any) -> Any:
        for number in range(2):
            if number in others:
                others.remove(number)
                put_parameter(**given | {"Value": '{"remember": 7}'})
            answered = put_parameter(**given)
        return answered

    others = [] if other_before is None else [other_before]
    name, ssm = "/nightfold/configuration", fresh.cloud.client("ssm")
    parameter = ConfigurationParameter(name, Faulty(ssm, "put_parameter", lost_answers))
    text = parameter.read()
    refused: AbstractContextManager[Any] = (
        nullcontext() if other_before is None else pytest.raises(InvalidInput, match="changed meanwhile")
    )
    with refused:
        parameter.replace(text, {"remember": 3})
    remembered = 3 if other_before is None else 7
    assert ConfigurationParameter(name, ssm).read() == f'{{"remember": {remembered}}}'
