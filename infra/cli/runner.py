"""Where runs are executed: an embedded cloud with one Messages API, or a deployed stack."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from infra.cli.progress import Progress
    from infra.cli.run_request import RunRequest
    from infra.cli.run_result import RunResult


class Runner(Protocol):
    """Executes runs. Everything raises InvalidInput where that is refused before anything has started."""

    @property
    def simulated(self) -> bool:
        """Whether the answers are made up."""
        ...

    @property
    def speed(self) -> float:
        """How many times faster than real time a simulation runs."""
        ...

    @property
    def notice(self) -> str:
        """What the user is told before a run."""
        ...

    @property
    def insists(self) -> bool:
        """Whether the user is told even with --quiet."""
        ...

    def check(self) -> None:
        """Raises InvalidInput if a run could not be started, or not be seen to its end."""
        ...

    def run(self, request: "RunRequest", progress: "Progress", notify: Callable[[str], None]) -> "RunResult":
        """Runs to the end; after Ctrl-C returns too, if the run has started. `notify` receives notices about what was
        found on the way."""
        ...

    def detached(self) -> Callable[["RunRequest"], None]:
        """What starts a run, and does not wait for its end."""
        ...

    def ended_at_once(self, request: "RunRequest", progress: "Progress") -> "RunResult":
        """The result if this process ends now."""
        ...


class StartedRun(Runner, Protocol):
    """A run that was started before: to run it is to follow it."""

    @property
    def request(self) -> "RunRequest": ...
    @property
    def is_running(self) -> bool: ...

    @property
    def stored(self) -> int:
        """How many sites have a stored outcome."""
        ...

    def stop(self) -> None:
        """Ends it. What it has stored is kept."""
        ...
