"""One run in the embedded cloud, from deployment to census."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.cli.interrupts import signals_held, stop_if_requested
from infra.cli.invocation import redrive_of, suggest_anywhere
from infra.cli.progress import Progress
from infra.cli.run_request import RunRequest
from infra.cli.run_result import RunResult, result_of
from infra.messages_api.endpoint import Endpoint
from infra.state.unfinished_runs import stored_sites
from nightfold.amounts import counted
from nightfold.storage import SITES_KEY

if TYPE_CHECKING:
    from infra.cloud.embedded import Cloud


def run_locally(
    request: RunRequest, endpoint: Endpoint, state_dir: Path, progress: Progress, notify: Callable[[str], None]
) -> RunResult:
    """Deploy, run to the end, close. Raises StateDirInUse, CorruptState. After Ctrl-C it returns a result too, if the
    run has started. `notify` receives the notices about the state directory: files that were set aside."""
    from infra.cloud.embedded import Cloud

    started = time.monotonic()
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
                progress.set_phase(_stopping(cloud.let_calls_finish(), len(stored_sites(state_dir, request.name))))
                cloud.settled()
                cloud.stop(arn)
                execution = cloud.execution(arn)
                _open_until_exit.append(api.pop_all())
            for notice in cloud.notices:
                notify(notice)
    return result_of(request, state_dir, progress, execution, time.monotonic() - started)


def stack_parameters(endpoint: Endpoint, url: str, state_dir: Path) -> dict[str, str]:
    """The template's parameters for a local deployment. `url` is what `endpoint.open()` gave."""
    command = suggest_anywhere(redrive_of(simulated=endpoint.simulated), state_dir)
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
