"""A cloud that can be closed and reopened on the same state directory, and its simulated API."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from infra.cloud.lambdas.sandbox import running
from infra.cloud.state_machine import Execution
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.support.clouds import PATIENCE_S, cloud_at, hurried, put_sites
from tests.support.faults import Fault
from tests.support.ledger import Ledger

SPEED = 20.0  # at which no step times out on a busy machine: a planner that is cut off leaves its messages hidden
BY_HAND = {"request_timeout_s": 25}  # real seconds: below the collector's 31.5
NIGHT = BY_HAND | {"scheduled_time": "2026-11-23T03:15:00Z"}
MORNING = BY_HAND | {"mode": "redrive"}


class ReopenableCloud:
    """`fault` and `look_at` are asked before each AWS call: by function and operation, and by parameters too."""

    def __init__(self, state_dir: Path, api: MessagesAPI) -> None:
        self.state_dir, self.api = state_dir, api
        self.fault: Callable[[str, str], Fault | None] = lambda *_: None
        self.look_at: Callable[[str, str, Mapping[str, Any]], Fault | None] = lambda *_: None
        self._opened = ExitStack()

    def reopen(self) -> None:
        self._opened.close()
        self.cloud = self._opened.enter_context(cloud_at(self.state_dir, self.api.url, faults=self._meet, speed=SPEED))
        self._opened.enter_context(hurried(SPEED))

    def close(self) -> None:
        self._opened.close()

    def sites(self, *names: str) -> None:
        put_sites(self.cloud, names)

    def run(self, given: Mapping[str, Any], name: str | None = None) -> Execution:
        return self.cloud.wait(self.cloud.start(given, name), PATIENCE_S)

    def send_to_the_miss_queue(self, *bodies: str) -> None:
        for body in bodies:
            self.cloud.client("sqs").send_message(QueueUrl=self.cloud.output("MissQueueUrl"), MessageBody=body)

    def ledger(self) -> Ledger:
        ledger = Ledger.read(self.state_dir)
        ledger.check()
        return ledger

    def _meet(self, _: str, operation: str, parameters: Mapping[str, Any]) -> Fault | None:
        caller = running()
        function = caller.function if caller else ""
        return self.fault(function, operation) or self.look_at(function, operation, parameters)


@contextmanager
def opened(state_dir: Path) -> Iterator[ReopenableCloud]:
    with MessagesAPI(Scenario(), speed=SPEED) as api:
        place = ReopenableCloud(state_dir, api)
        place.reopen()
        place.sites("harbour", "orchard")
        try:
            yield place
        finally:
            place.close()
