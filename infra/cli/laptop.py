"""The state directory of the embedded cloud, as an Installation."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.cli.configuration import ConfigurationFile
from infra.cli.installation import Configuration, Evidence, Runner, SiteList
from infra.cli.invocation import redrive_of, shown, suggest, suggest_anywhere
from infra.cli.page_files import page_in
from infra.cli.parked import ParkedQueue
from infra.cli.site_list import SiteListFile
from infra.state.folder import Folder, LocalEvidence
from infra.state.lock import in_use
from infra.state.parked_misses import ParkedMessages
from infra.state.queued_misses import (
    MAX_RECEIVES,
    RETENTION,
    QueuedMiss,
    about_unreadable,
    read_messages,
    read_misses,
)
from nightfold.errors import InvalidInput
from nightfold.memory import Kind
from nightfold.storage import Source, digest_key

if TYPE_CHECKING:
    from infra.cli.checks import Check
    from infra.cli.stack_run import StartedRun
    from infra.cli.unfinished_runs import Closing, OpenRun
    from infra.messages_api.endpoint import Simulation
    from infra.stack.deployed import ApiKeyParameter
    from planner.miss_queue import Received


@dataclass(frozen=True)
class Laptop:
    """The state directory of the embedded cloud."""

    state_dir: Path

    @property
    def records(self) -> Source:
        return Folder(self.state_dir)

    @property
    def configuration(self) -> Configuration:
        return ConfigurationFile(self.state_dir)

    @property
    def site_list(self) -> SiteList:
        return SiteListFile(self.state_dir)

    @property
    def api_key(self) -> "ApiKeyParameter":
        raise InvalidInput(
            "key: on a laptop the key is not stored but taken from the environment: export ANTHROPIC_API_KEY=sk-ant-…; "
            "--stack NAME stores the key of a deployed stack"
        )

    @property
    def place(self) -> str:
        return str(self.state_dir)

    def suggest(self, command: str) -> str:
        return suggest(command, self.state_dir)

    def page(self, run_id: str, render: Callable[[], bytes]) -> Path:
        return page_in(self.state_dir, run_id, render)

    def shown(self, key: str) -> str:
        return str(shown(self.state_dir / key))

    @property
    def logs(self) -> str:
        return self.shown("logs")

    def page_address(self, run_id: str) -> str:
        page = (self.state_dir / digest_key(run_id)).resolve()
        return page.as_uri() if page.exists() else self.suggest("report")

    def why_unfinished(self) -> str:
        stopped = f"stopped before it finished; `{self.suggest('redrive')}` closes it"
        return "is still running" if in_use(self.state_dir) else stopped

    def redrive_anywhere(self, *, simulated: bool) -> str:
        return suggest_anywhere(redrive_of(simulated=simulated), self.state_dir)

    def misses(self) -> list[QueuedMiss]:
        return read_misses(self.state_dir)

    def about_misses(self, found: Sequence[QueuedMiss]) -> Iterator[str]:
        if not self.state_dir.exists():
            yield f"{self.state_dir} does not exist yet."
        if old := sum(miss.age > RETENTION.total_seconds() for miss in found):
            yield f"On AWS, {old:,} of these would have expired after 14 days. Here none expires."
        yield from about_unreadable(self.state_dir)

    def waiting(self, closings: Iterable["Closing"]) -> Iterator["Received"]:
        from planner.miss_queue import Received

        acknowledged = frozenset(message.message_id for closing in closings for message in closing.plan.received)
        for message in read_messages(self.state_dir, "waiting"):
            if message.received < MAX_RECEIVES and message.message_id not in acknowledged:
                yield Received(message.message_id, "", message.body)

    def open_runs(self) -> Iterator["OpenRun"]:
        from infra.cli.unfinished_runs import open_runs

        if not in_use(self.state_dir):  # then the process that has it open may be working on any of them
            yield from open_runs(self.records, lambda _: False)

    def started_run(self, command: str, name: str | None) -> "StartedRun":  # noqa: ARG002
        raise InvalidInput(
            f"{command}: a run on this machine is shown, and stopped with Ctrl-C, where it was started; "
            f"`{self.suggest('report --list')}` lists those that have ended. For a run of a stack, add --stack NAME"
        )

    def runner(self, simulation: "Simulation", default_scenario: Path | None) -> Runner:
        from infra.cli.local_run import LocalRunner
        from infra.messages_api.endpoint import choose_endpoint

        return LocalRunner(self, choose_endpoint(os.environ, simulation, default_scenario=default_scenario))

    def redrive(self, *, simulated: bool) -> str:
        return suggest(redrive_of(simulated=simulated), self.state_dir)

    def parked(self) -> AbstractContextManager[ParkedQueue]:
        return nullcontext(ParkedMessages(self.state_dir))

    def forget(self, memories: Sequence[tuple[str, Kind | None]]) -> list[str]:
        from infra.state.site_memories import forget

        return forget(self.state_dir, memories)

    def checks(self) -> Iterator["Check"]:
        from infra.cli.laptop_checks import laptop_checks

        return laptop_checks(self)

    @property
    def evidence(self) -> Evidence:
        return LocalEvidence(self.state_dir)
