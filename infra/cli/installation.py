"""Where a command looks: the state directory of this laptop, or a deployed stack. No command asks which it is."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from infra.cli.configuration import ConfigurationFile
from infra.cli.invocation import program, redrive_of, suggest, suggest_anywhere
from infra.cli.misses_text import passed_over
from infra.cli.page_files import page_from, page_in
from infra.cli.terminal import visible
from infra.state.folder import Folder
from infra.state.lock import in_use
from infra.state.queued_misses import QueuedMiss, read_misses, unreadable_messages
from nightfold.storage import Source

if TYPE_CHECKING:
    from infra.stack.deployed import DeployedStack


class Records(Source, Protocol):
    """What runs have stored, under its keys."""

    def keys(self, prefix: str) -> Iterator[str]: ...


class Configuration(Protocol):
    """The stored configuration."""

    @property
    def where(self) -> str:
        """The file, or the parameter's name."""
        ...

    def read(self) -> str: ...

    def replace(self, text: str, fields: Mapping[str, Any]) -> None:
        """Replace the `text` that was read with these fields. Raises InvalidInput if it was changed meanwhile."""
        ...


class Installation(Protocol):
    """What commands need. Everything raises InvalidInput where AWS refuses to answer."""

    @property
    def records(self) -> Records: ...

    @property
    def configuration(self) -> Configuration: ...

    @property
    def place(self) -> str:
        """What a message calls it."""
        ...

    def suggest(self, command: str) -> str:
        """The command line of a command that reads."""
        ...

    def page(self, run_id: str, render: Callable[[], bytes]) -> Path:
        """The page of a run as a file. `render` makes it if the run left none."""
        ...

    def why_unfinished(self) -> str:
        """What is said of a run without a census: `is still running`."""
        ...

    def redrive_anywhere(self, *, simulated: bool) -> str:
        """The command line that collects misses, for a page that is read later and in another folder."""
        ...

    def misses(self) -> list[QueuedMiss]:
        """The waiting and the parked misses. Looking never receives a message."""
        ...

    def about_misses(self) -> Iterator[str]:
        """What else the user should know about the queues and about runs that have not ended."""
        ...

    def redrive(self, *, simulated: bool) -> str:
        """The command line that collects the waiting misses of one kind."""
        ...

    def about_parked(self) -> list[str]:
        """What can be done with parked misses."""
        ...

    def start(self) -> str:
        """The command line that starts a run."""
        ...


@dataclass(frozen=True)
class Laptop:
    """The state directory of the embedded cloud."""

    state_dir: Path

    @property
    def records(self) -> Records:
        return Folder(self.state_dir)

    @property
    def configuration(self) -> Configuration:
        return ConfigurationFile(self.state_dir)

    @property
    def place(self) -> str:
        return str(self.state_dir)

    def suggest(self, command: str) -> str:
        return suggest(command, self.state_dir)

    def page(self, run_id: str, render: Callable[[], bytes]) -> Path:
        return page_in(self.state_dir, run_id, render)

    def why_unfinished(self) -> str:
        stopped = f"stopped before it finished; `{self.suggest('redrive')}` closes it"
        return "is still running" if in_use(self.state_dir) else stopped

    def redrive_anywhere(self, *, simulated: bool) -> str:
        return suggest_anywhere(redrive_of(simulated=simulated), self.state_dir)

    def misses(self) -> list[QueuedMiss]:
        return read_misses(self.state_dir)

    def about_misses(self) -> Iterator[str]:
        from infra.state.unfinished_runs import passed_over_runs, unfinished_runs

        if not self.state_dir.exists():
            yield f"{self.state_dir} does not exist yet."
        for path, why in unreadable_messages(self.state_dir):
            yield f"{path} is not a readable message ({visible(why, 200)}). The next run sets it aside."
        for dead in unfinished_runs(self.state_dir):
            kept = f"{dead.stored:,} of {len(dead.plan.sites):,} outcomes are stored"
            yield f"Run {dead.run_id} stopped before it finished: {kept}."
            yield f"`{self.redrive(simulated=dead.plan.simulated)}` closes it and collects the rest."
        for folder in passed_over_runs(self.state_dir):
            yield passed_over(folder.name, folder.why)

    def redrive(self, *, simulated: bool) -> str:
        return suggest(redrive_of(simulated=simulated), self.state_dir)

    def about_parked(self) -> list[str]:
        return [
            "No redrive collects parked misses. To move them back into the queue, or to delete those of a site:",
            suggest("unpark", self.state_dir),
            suggest("drop SITE", self.state_dir),
        ]

    def start(self) -> str:
        return suggest("run", self.state_dir)


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

    def about_misses(self) -> Iterator[str]:
        from infra.cli.recorded_misses import not_closed

        for run_id, execution_id in not_closed(self.records):
            if self._deployed.is_running(execution_id):
                yield f"Run {run_id} has not ended yet."
            else:
                yield f"Run {run_id} stopped before it finished; the next redrive closes it and collects the rest."
        found = self.misses()
        for queue, messages in self._deployed.messages().items():
            if messages != (recorded := sum(miss.queue == queue for miss in found)):
                yield (
                    f"{messages:,} {queue} by SQS's count, {recorded:,} by the records of the runs. SQS counts with a "
                    "minute's delay, and the records do not know what was moved, sent or deleted by hand."
                )

    def redrive(self, *, simulated: bool) -> str:  # noqa: ARG002 - a stack is of one kind
        return self._start('{"mode": "redrive"}')

    def about_parked(self) -> list[str]:
        source, destination = (self._deployed.queue_arn(queue) for queue in ("parked", "waiting"))
        return [
            "No redrive collects parked misses. To move all of them back into the queue, when the cause is fixed:",
            self._aws(f"sqs start-message-move-task --source-arn {source} --destination-arn {destination}"),
        ]

    def start(self) -> str:
        return self._start("{}")

    def _start(self, given: str) -> str:
        arn = self._deployed.outputs["StateMachineArn"]
        return self._aws(f"stepfunctions start-execution --state-machine-arn {arn} --input {shlex.quote(given)}")

    def _aws(self, command: str) -> str:
        given = {"--region": self.region, "--profile": self.profile}
        return f"aws {command}{''.join(f' {name} {shlex.quote(value)}' for name, value in given.items() if value)}"
