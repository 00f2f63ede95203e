"""What all integration tests share."""

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_call_is_left_behind() -> Iterator[None]:
    """A call that was given up on ends when its server does; its socket must not outlive the test."""
    yield
    for thread in threading.enumerate():
        if thread.name == "claude":
            thread.join(timeout=5)
