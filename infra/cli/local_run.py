"""One run in the embedded cloud, from deployment to census."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.cli.configuration import check_writable
from infra.cli.interrupts import signals_held, stop_if_requested
from infra.cli.laptop import Laptop
from infra.cli.progress import Progress
from infra.cli.run_request import RunRequest
from infra.cli.run_result import RunResult, result_if_stopped, result_of
from infra.cli.unfinished_runs import stored_sites
from infra.messages_api.endpoint import Endpoint
from infra.state.queued_misses import about_unreadable
from nightfold.amounts import counted
from nightfold.errors import InvalidInput
from nightfold.storage import SITES_KEY

if TYPE_CHECKING:
    from infra.cloud.embedded import Cloud


@dataclass(frozen=True)
class LocalRunner:
    """Runs in an embedded cloud."""

    at: Laptop
    endpoint: Endpoint

    @property
    def simulated(self) -> bool:
        return self.endpoint.simulated

    @property
    def speed(self) -> float:
        return self.endpoint.speed

    @property
    def notice(self) -> str:
        return self.endpoint.notice

    @property
    def insists(self) -> bool:
        return self.endpoint.unasked  # without it, a cron job without a key would silently store invented answers

    def check(self) -> None:
        check_writable(self.at.state_dir)

    def about_queues(self) -> Iterator[str]:
        return about_unreadable(self.at.state_dir)

    def run(self, request: RunRequest, progress: Progress, notify: Callable[[str], None]) -> RunResult:
        """Raises StateDirInUse, CorruptState. The notices are about files that were set aside."""
        try:
            return run_locally(request, self.endpoint, self.at, progress, notify)
        except KeyboardInterrupt:
            stopped = self.ended_at_once(request, progress)
            if stopped.planned:  # the run had ended
                raise
            return stopped

    def detached(self) -> Callable[[RunRequest], None]:
        raise InvalidInput("--detach: a run on this machine ends with its command; add --stack NAME, or omit it")

    def ended_at_once(self, request: RunRequest, progress: Progress) -> RunResult:
        return result_if_stopped(request, self.at.records, progress)


def run_locally(
    request: RunRequest, endpoint: Endpoint, at: Laptop, progress: Progress, notify: Callable[[str], None]
) -> RunResult:
    """Deploy, run to the end, close."""
    from infra.cloud.embedded import Cloud

    started, state_dir = time.monotonic(), at.state_dir
    progress.set_phase("deploying template.yaml into the embedded cloud")
    with ExitStack() as api, _without_garbage_collection() as collect_garbage_again:
        parameters = stack_parameters(endpoint, api.enter_context(endpoint.open()), state_dir)
        with Cloud(
            state_dir, speed=endpoint.speed, parameters=parameters, secret=endpoint.key, observe=progress.observe
        ) as cloud:
            if request.site_list is not None:
                put_site_list(cloud, request.site_list)
            cloud.warm()
            arn = None
            try:
                with signals_held():  # an execution that has begun is stopped in order, never abandoned
                    arn = cloud.start(request.execution_input, name=request.name)
                    collect_garbage_again()
                stop_if_requested()
                execution = cloud.wait(arn)
            except KeyboardInterrupt:
                if arn is None:
                    raise
                cloud.let_calls_finish()
                calls, kept = progress.counts["collecting"], len(stored_sites(at.records, request.name))
                progress.set_phase(_stopping(calls, kept))
                cloud.settled()
                cloud.stop(arn)
                execution = cloud.execution(arn)
                _open_until_exit.append(api.pop_all())
            for notice in cloud.notices:
                notify(notice)
    return result_of(request, at.records, progress, execution, time.monotonic() - started)


def stack_parameters(endpoint: Endpoint, url: str, state_dir: Path) -> dict[str, str]:
    """The template's parameters for a local deployment. `url` is what `endpoint.open()` gave."""
    command = Laptop(state_dir).redrive_anywhere(simulated=endpoint.simulated)
    return endpoint.parameters(url) | {"ScheduleState": "DISABLED", "RedriveCommand": command}


def put_site_list(cloud: "Cloud", site_list: bytes) -> None:
    """Raises OSError if the state directory cannot be written."""
    try:
        cloud.client("s3").put_object(Bucket=cloud.output("BucketName"), Key=SITES_KEY, Body=site_list)
    except ClientError as error:
        raise OSError(error.response["Error"]["Message"]) from None


def _stopping(calls: int, kept: int) -> str:
    if not calls:
        return "stopping"
    until = f"after {counted(calls, 'call')} in progress" if calls > 1 else "after the call in progress"
    return f"stopping {until}; Ctrl-C again stops at once ({counted(kept, 'outcome')} kept)"


# After Ctrl-C the simulated API stays open until the process exits, so that calls in progress do not end in errors.
_open_until_exit: list[ExitStack] = []


@contextmanager
def _without_garbage_collection() -> Iterator[Callable[[], None]]:
    """No garbage collection until the function is called: imports and deployment create only objects that stay, and
    scanning them costs 0.4 s."""

    def collect_again() -> None:
        gc.freeze()
        gc.enable()

    gc.disable()
    try:
        yield collect_again
    finally:
        gc.enable()
