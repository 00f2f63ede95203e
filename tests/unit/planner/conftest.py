"""What the planner's tests of redrives share."""

from collections.abc import Callable

import pytest

from tests.unit.outside import Outside


@pytest.fixture
def put(outside: Outside) -> Callable[..., None]:
    """Sends message bodies to the miss queue."""

    def send(*bodies: str) -> None:
        for body in bodies:
            outside.sqs.send_message(QueueUrl=outside.miss_queue, MessageBody=body)

    return send
