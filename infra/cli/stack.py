"""A deployed stack, as an Installation."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from infra.cli.installation import Configuration, Evidence, Runner, SiteList
from infra.cli.interrupts import signals_held, stop_if_requested
from infra.cli.invocation import program, program_anywhere
from infra.cli.page_files import page_from
from infra.cli.parked import ParkedQueue
from infra.cli.recorded_misses import recorded_misses
from infra.cli.unfinished_runs import Closing, OpenRun, open_runs
from infra.state.queued_misses import QueuedMiss
from nightfold.errors import InvalidInput
from nightfold.storage import Source
from planner.miss_queue import Received

if TYPE_CHECKING:
    from infra.cli.checks import Check
    from infra.cli.stack_run import StartedRun
    from infra.messages_api.endpoint import Simulation
    from infra.stack.deployed import ApiKeyParameter, DeployedStack
    from nightfold.memory import Kind


@dataclass(frozen=True)
class Stack:
    """A deployed stack, in the region and account of the user's AWS configuration."""

    name: str
    region: str | None = None
    profile: str | None = None

    @cached_property
    def _deployed(self) -> "DeployedStack":
        from infra.stack.deployed import DeployedStack  # boto3 takes a third of a second, which a laptop never needs

        return DeployedStack(self.name, self.region, self.profile)

    @property
    def records(self) -> Source:
        return self._deployed.records

    @property
    def configuration(self) -> Configuration:
        return self._deployed.configuration

    @property
    def site_list(self) -> SiteList:
        from infra.stack.site_list import StoredSiteList

        return StoredSiteList(self._deployed.records.bucket, putting=self.suggest("sites FILE"))

    @property
    def api_key(self) -> "ApiKeyParameter":
        return self._deployed.api_key

    @property
    def place(self) -> str:
        return f"the stack {self.name}"

    def suggest(self, command: str) -> str:
        return f"{program()} {command} {self._options}"

    @property
    def _options(self) -> str:
        given = {"--stack": self.name, "--region": self.region, "--profile": self.profile}
        return shlex.join(word for name, value in given.items() if value for word in (name, value))

    def shown(self, key: str) -> str:
        return f"s3://{self._deployed.output('BucketName')}/{key}"

    @property
    def logs(self) -> str:
        return f"CloudWatch's log groups /aws/lambda/{self._deployed.description['StackName']}-*"

    def page_address(self, run_id: str) -> str:
        return self.suggest(f"report {run_id} --open")

    def page(self, run_id: str, render: Callable[[], bytes]) -> Path:
        return page_from(self.records, run_id, render)

    def why_unfinished(self) -> str:
        return f"has not closed its census; `{self.suggest('misses')}` says whether it is still running"

    def redrive_anywhere(self, *, simulated: bool) -> str:  # noqa: ARG002 - a stack is of one kind
        return f"{program_anywhere()} redrive {self._options}"

    def misses(self) -> list[QueuedMiss]:
        return recorded_misses(self.records).listed()

    def about_misses(self, found: Sequence[QueuedMiss]) -> Iterator[str]:
        for queue, messages in self._deployed.messages().items():
            if messages != (recorded := sum(miss.queue == queue for miss in found)):
                yield (
                    f"{messages:,} {queue} by SQS's count, {recorded:,} by the records of the runs. SQS counts with a "
                    "minute's delay, and the records do not know what was moved, sent or deleted by hand."
                )

    def waiting(self, closings: Iterable[Closing]) -> Iterator[Received]:
        for miss in recorded_misses(self.records, [closing.plan for closing in closings]).waiting:
            yield Received(f"{miss.run_id}/{miss.site.site_id}", "", miss.model_dump_json())

    def open_runs(self) -> Iterator[OpenRun]:
        return open_runs(self.records, self._deployed.executions.is_running)

    def started_run(self, command: str, name: str | None) -> "StartedRun":
        from infra.cli.stack_run import started_run

        return started_run(command, name, self, self._deployed)

    def runner(self, simulation: "Simulation", default_scenario: Path | None) -> Runner:  # noqa: ARG002
        from infra.cli.stack_run import StackRunner
        from infra.messages_api.endpoint import Simulation

        if simulation != Simulation():
            raise InvalidInput(
                "--simulate, --scenario, --seed, --speed: only for a laptop; a stack has its parameter MessagesApi"
            )
        return StackRunner(self, self._deployed)

    def redrive(self, *, simulated: bool) -> str:  # noqa: ARG002 - a stack is of one kind
        return self.suggest("redrive")

    def forget(self, memories: "Sequence[tuple[str, Kind | None]]") -> list[str]:
        from infra.stack.site_memories import forget

        return forget(self._deployed.records.bucket, memories)

    @contextmanager
    def parked(self) -> Iterator[ParkedQueue]:
        counted, queue = self._deployed.count("parked"), self._deployed.parked_queue()
        try:
            # Ctrl-C waits for SQS's answer: the messages of a lost one would stay hidden.
            with signals_held():
                for _ in queue.receive(counted):
                    stop_if_requested()
            yield queue
        finally:
            with signals_held():
                queue.give_back()
            stop_if_requested()

    def checks(self) -> Iterator["Check"]:
        from infra.cli.stack_checks import stack_checks
        from infra.stack.inspection import Inspection

        return stack_checks(self, Inspection(self._deployed))

    @property
    def evidence(self) -> Evidence:
        return self._deployed
