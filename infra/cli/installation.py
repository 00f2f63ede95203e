"""Where a command looks: the state directory of this laptop, or a deployed stack. No command asks which it is.

Every command imports this module, so what it names is imported for type checks alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from infra.cli.checks import Check
    from infra.cli.parked import ParkedQueue
    from infra.cli.progress import Progress
    from infra.cli.run_request import RunRequest
    from infra.cli.run_result import RunResult
    from infra.cli.stack_run import StartedRun
    from infra.cli.unfinished_runs import Closing, OpenRun
    from infra.messages_api.endpoint import Simulation
    from infra.stack.deployed import ApiKeyParameter
    from infra.state.queued_misses import QueuedMiss
    from nightfold.memory import Kind
    from nightfold.storage import Source
    from planner.miss_queue import Received


class Runner(Protocol):
    """Executes runs. Everything raises InvalidInput where that is refused before anything has started."""

    @property
    def simulated(self) -> bool:
        """Whether the answers are made up."""

    @property
    def speed(self) -> float:
        """How many times faster than real time a simulation runs."""

    @property
    def notice(self) -> str:
        """What the user is told before a run."""

    @property
    def insists(self) -> bool:
        """Whether the user is told even with --quiet."""

    def check(self) -> None:
        """Raises InvalidInput if a run could not be started, or not be seen to its end."""

    def about_queues(self) -> Iterator[str]:
        """What a dry run of a redrive has to say about the queues, beside the misses in them."""

    def run(self, request: RunRequest, progress: Progress, notify: Callable[[str], None]) -> RunResult:
        """Runs to the end; after Ctrl-C returns too, if the run has started. `notify` receives notices about what was
        found on the way."""

    def detached(self) -> Callable[[RunRequest], None]:
        """What starts a run, and does not wait for its end."""

    def ended_at_once(self, request: RunRequest, progress: Progress) -> RunResult:
        """The result if this process ends now."""


class Configuration(Protocol):
    """The stored configuration."""

    @property
    def where(self) -> str:
        """The file, or the parameter's name."""

    def read(self) -> str: ...

    def replace(self, text: str, fields: Mapping[str, Any]) -> None:
        """Replace the `text` that was read with these fields. Raises InvalidInput if it was changed meanwhile."""


class SiteList(Protocol):
    """The stored site list."""

    @property
    def where(self) -> str:
        """The file, or the object's address."""

    @property
    def destination(self) -> str:
        """What `replace` writes: on a laptop another file, as long as the default list is used."""

    def read(self) -> bytes:
        """The list that the next run takes. Raises InvalidInput if there is none."""

    def find(self) -> bytes | None:
        """The same; None if there is none."""

    def instead(self, file: Path) -> bytes:
        """Another list for one run. Raises InvalidInput where runs read the stored one alone."""

    def replace(self, before: bytes | None, content: bytes) -> str | None:
        """Replace what `find` returned. Returns where that is kept; None if it need not be. Raises InvalidInput if the
        list was changed meanwhile."""


class Evidence(Protocol):
    """What a run leaves beside its records."""

    @property
    def late_s(self) -> float:
        """The seconds after which it may still not be seen."""

    def waiting(self) -> int:
        """The messages in the miss queue."""

    def logged(self, run_id: str) -> int:
        """The collector's lines about this run."""


class Installation(Protocol):
    """What commands need. Everything raises InvalidInput where AWS refuses to answer."""

    @property
    def records(self) -> Source:
        """What runs have stored."""

    @property
    def configuration(self) -> Configuration: ...

    @property
    def site_list(self) -> SiteList: ...

    @property
    def api_key(self) -> ApiKeyParameter:
        """Raises InvalidInput where none is stored, with what to do instead."""

    @property
    def place(self) -> str:
        """What a message calls it."""

    def suggest(self, command: str) -> str:
        """The command line of a command that reads."""

    def shown(self, key: str) -> str:
        """Where a record is, as a message names it."""

    @property
    def logs(self) -> str:
        """Where the functions' logs are, as a message names it."""

    def page_address(self, run_id: str) -> str:
        """The address of a run's page, or the command line that shows it."""

    def page(self, run_id: str, render: Callable[[], bytes]) -> Path:
        """The page of a run as a file. `render` makes it if the run left none."""

    def why_unfinished(self) -> str:
        """What is said of a run without a census: `is still running`."""

    def redrive_anywhere(self, *, simulated: bool) -> str:
        """The command line that collects misses, for a page that is read later and in another folder."""

    def misses(self) -> list[QueuedMiss]:
        """The waiting and the parked misses. Looking never receives a message."""

    def about_misses(self, found: Sequence[QueuedMiss]) -> Iterator[str]:
        """What else the user should know about the queues, beside the misses that were found there."""

    def waiting(self, closings: Iterable[Closing]) -> Iterator[Received]:
        """The messages that a redrive would receive after it has closed runs in this way, without those that closing
        adds. Looking never receives a message."""

    def open_runs(self) -> Iterator[OpenRun]:
        """The folders of runs without a census."""

    def started_run(self, command: str, name: str | None) -> StartedRun:
        """The run with this name, or which begins with it; None: the one that is under way."""

    def runner(self, simulation: Simulation, default_scenario: Path | None) -> Runner:
        """Executes runs. `default_scenario` is that of a laptop without a key; None: every answer is good."""

    def redrive(self, *, simulated: bool) -> str:
        """The command line that collects the waiting misses of one kind."""

    def parked(self) -> AbstractContextManager[ParkedQueue]:
        """The parked queue; at the end of the block, all that was not taken out is parked as before."""

    def forget(self, memories: Sequence[tuple[str, Kind | None]]) -> list[str]:
        """Empties the memories under these keys, of one kind each. One that cannot be read is set aside, as the notices
        say."""

    def checks(self) -> Iterator[Check]:
        """What `nightfold doctor` finds."""

    @property
    def evidence(self) -> Evidence: ...
