"""A deployed stack, as an Installation."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from infra.cli.installation import ApiKey, Configuration, ParkedQueue, Records, SiteList
from infra.cli.interrupts import signals_held, stop_if_requested
from infra.cli.invocation import program
from infra.cli.page_files import page_from
from infra.state.queued_misses import QueuedMiss

if TYPE_CHECKING:
    from infra.cli.checks import Check
    from infra.stack.deployed import DeployedStack
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
    def records(self) -> Records:
        return self._deployed.records

    @property
    def configuration(self) -> Configuration:
        return self._deployed.configuration

    @property
    def site_list(self) -> SiteList:
        from infra.stack.site_list import StoredSiteList

        return StoredSiteList(self._deployed.records.bucket, putting=self.suggest("sites FILE"))

    @property
    def api_key(self) -> ApiKey:
        return self._deployed.api_key

    @property
    def place(self) -> str:
        return f"the stack {self.name}"

    def suggest(self, command: str) -> str:
        given = {"--stack": self.name, "--region": self.region, "--profile": self.profile}
        words = [word for name, value in given.items() if value for word in (name, value)]
        return f"{program()} {command} {shlex.join(words)}"

    def page(self, run_id: str, render: Callable[[], bytes]) -> Path:
        return page_from(self.records, run_id, render)

    def why_unfinished(self) -> str:
        return f"has not closed its census; `{self.suggest('misses')}` says whether it is still running"

    def redrive_anywhere(self, *, simulated: bool) -> str:
        return self.redrive(simulated=simulated)

    def misses(self) -> list[QueuedMiss]:
        from infra.cli.recorded_misses import recorded_misses

        return recorded_misses(self.records)

    def about_misses(self, found: Sequence[QueuedMiss]) -> Iterator[str]:
        from infra.cli.recorded_misses import not_closed

        for run_id, execution_id in not_closed(self.records):
            if self._deployed.is_running(execution_id):
                yield f"Run {run_id} has not ended yet."
            else:
                yield f"Run {run_id} stopped before it finished; the next redrive closes it and collects the rest."
        for queue, messages in self._deployed.messages().items():
            if messages != (recorded := sum(miss.queue == queue for miss in found)):
                yield (
                    f"{messages:,} {queue} by SQS's count, {recorded:,} by the records of the runs. SQS counts with a "
                    "minute's delay, and the records do not know what was moved, sent or deleted by hand."
                )

    def redrive(self, *, simulated: bool) -> str:  # noqa: ARG002 - a stack is of one kind
        return self._start('{"mode": "redrive"}')

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

    def start(self) -> str:
        return self._start("{}")

    def checks(self) -> Iterator["Check"]:
        from infra.cli.stack_checks import stack_checks
        from infra.stack.inspection import Inspection

        return stack_checks(self, Inspection(self._deployed))

    def _start(self, given: str) -> str:
        arn = self._deployed.output("StateMachineArn")
        return self._aws(f"stepfunctions start-execution --state-machine-arn {arn} --input {shlex.quote(given)}")

    def _aws(self, command: str) -> str:
        given = {"--region": self.region, "--profile": self.profile}
        return f"aws {command}{''.join(f' {name} {shlex.quote(value)}' for name, value in given.items() if value)}"
