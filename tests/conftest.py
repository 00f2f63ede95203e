"""What all tests share: how hard hypothesis tries, and Powertools' own settings, as template.yaml gives them.

`HYPOTHESIS_PROFILE=thorough` draws much more. In CI the examples are the same at every run, so that a red build is
red again when it is looked at.
"""

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.support")  # so that its assertions show what they compared

os.environ.update(POWERTOOLS_SERVICE_NAME="nightfold", POWERTOOLS_METRICS_NAMESPACE="Nightfold")

settings.register_profile("quick", max_examples=80, deadline=None)
settings.register_profile("ci", max_examples=80, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=5_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "quick"))

# A shell's background job ignores Ctrl-C, under nohup also the end of the terminal, and so would the processes that the
# tests interrupt.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def no_call_is_left_behind() -> Iterator[None]:
    """A call that was given up on ends when its server does; its socket must not outlive the test."""
    yield
    for thread in threading.enumerate():
        if thread.name == "claude":
            thread.join(timeout=5)
