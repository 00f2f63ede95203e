"""infra/cloud/state_machine.py: a disk that fills up while the cloud is closed."""

import errno
import threading
from pathlib import Path
from typing import Any

from infra.cloud.harness import Failures
from infra.cloud.state_machine import StateMachine
from infra.state.directory import CannotStore

FULL = CannotStore(OSError(errno.ENOSPC, "No space left on device"), Path("outcome.json"))


def test_no_call_of_giving_up_outlives_the_embedded_aws() -> None:
    called = list[str]()

    def client(service: str) -> Any:
        called.append(service)
        raise AssertionError("this would reach AWS itself")

    machine = StateMachine(client, Failures())
    with machine.branches.under_way():
        machine.give_up_soon(FULL)
        machine.close()
    machine.give_up_soon(FULL)
    for thread in [each for each in threading.enumerate() if each.name == "give-up"]:
        thread.join(timeout=30)
    assert called == []
