"""One run in the embedded cloud, from deployment to census, and how it ended."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from infra.cli.interrupts import exit_code, stop_if_asked
from infra.cli.invocation import redrive_of, suggest_anywhere
from infra.cli.preflight import Order
from infra.cli.progress import Progress
from infra.messages_api.endpoint import Endpoint
from infra.state.unfinished_runs import stored_sites, why_set_aside
from nightfold.amounts import counted
from nightfold.contract import MissedByReason, Summary, Tokens
from nightfold.storage import SITES_KEY, summary_key

if TYPE_CHECKING:
    from infra.cloud.embedded import Cloud


@dataclass(frozen=True)
class Ending:
    """How a run ended. `summary` is there where its census was closed."""

    run_id: str
    how: Literal["closed", "nothing", "refused", "broken", "stopped"]
    summary: Summary | None = None
    error: str = ""
    cause: str = ""
    simulated: bool = False
    planned: int = 0
    stored: int = 0  # sites with an outcome on disk
    dead_runs: list[Summary] = field(default_factory=list)  # that this run closed on its way
    set_aside: dict[str, str] = field(default_factory=dict)  # that it could not close, and why

    @property
    def exit_code(self) -> int:
        if self.how == "stopped":
            return exit_code()
        if self.how == "refused":
            return 64
        if self.summary is not None:
            return {"complete": 0, "partial": 2, "failed": 1}[self.summary.status]
        return 1


def run_locally(
    order: Order, endpoint: Endpoint, state_dir: Path, progress: Progress, notify: Callable[[str], None]
) -> Ending:
    """Deploy, run to the end, close. Raises StateDirInUse, CorruptState. Ctrl-C after the start is an Ending too.

    `notify` is told what a person should know of the state directory: files that were set aside.
    """
    from infra.cloud.embedded import Cloud

    started = time.monotonic()
    with ExitStack() as api, _no_garbage_yet() as deployed:
        parameters = stack_parameters(endpoint, api.enter_context(endpoint.open()), state_dir)
        with Cloud(
            state_dir, speed=endpoint.speed, parameters=parameters, secret=endpoint.key, observe=progress.observe
        ) as cloud:
            if order.site_list is not None:
                put_site_list(cloud, order.site_list)
            arn = cloud.start(order.execution_input, name=order.name)
            deployed()
            try:
                stop_if_asked()
                execution = cloud.wait(arn)
            except KeyboardInterrupt:
                progress.say(_stopping(cloud.let_calls_finish(), len(stored_sites(state_dir, order.name))))
                cloud.settled()
                cloud.stop(arn)
                execution = cloud.execution(arn)
                _ends_with_the_process.append(api.pop_all())
            for notice in cloud.notices:
                notify(notice)
    return _ending(order, state_dir, progress, execution, time.monotonic() - started)


def stack_parameters(endpoint: Endpoint, url: str, state_dir: Path) -> dict[str, str]:
    """What the template is deployed with here. `url` is the endpoint's, now that it is open."""
    command = suggest_anywhere(redrive_of(simulated=endpoint.simulated), state_dir)
    return endpoint.parameters(url) | {"ScheduleState": "DISABLED", "RedriveCommand": command}


def put_site_list(cloud: "Cloud", site_list: bytes) -> None:
    """Raises OSError where the state directory cannot be written."""
    try:
        cloud.client("s3").put_object(Bucket=cloud.output("BucketName"), Key=SITES_KEY, Body=site_list)
    except ClientError as error:
        raise OSError(error.response["Error"]["Message"]) from None


def _stopping(under_way: int, kept: int) -> str:
    if not under_way:
        return "stopping"
    calls = f"{under_way:,} calls under way finish" if under_way > 1 else "one call under way finishes"
    kept_so_far = f"{counted(kept, 'outcome')} kept so far"
    return f"stopping: {calls} first, no other is started ({kept_so_far}). Ctrl-C again stops at once"


# After Ctrl-C the simulated API stays up, so that the calls under way end silently with the process and not in errors.
_ends_with_the_process: list[ExitStack] = []


@contextmanager
def _no_garbage_yet() -> Iterator[Callable[[], None]]:
    """Until the function is called nobody looks for garbage: what is imported and deployed stays, and looking costs
    0.4 s."""

    def look_again() -> None:
        gc.freeze()
        gc.enable()

    gc.disable()
    try:
        yield look_again
    finally:
        gc.enable()


def _ending(order: Order, state_dir: Path, progress: Progress, execution: Any, seconds: float) -> Ending:
    summary = _summary(state_dir, order.name)
    dead_runs = [closed for run_id in progress.dead_runs if (closed := _summary(state_dir, run_id)) is not None]
    failed = [(run_id, why) for run_id in progress.dead_runs if (why := why_set_aside(state_dir, run_id)) is not None]
    output = execution.output if isinstance(execution.output, dict) else {}
    how: Literal["closed", "nothing", "refused", "broken", "stopped"]
    if execution.status == "ABORTED":
        how = "stopped"
    elif summary is not None:
        how = "closed"
    elif execution.status == "SUCCEEDED" and output.get("status") == "nothing":
        how, summary = "nothing", _nothing(order, seconds)
    elif execution.error == "InvalidInput":
        how = "refused"
    else:
        how = "broken"
    return replace(
        stopped(order, state_dir, progress),
        how=how,
        summary=summary,
        error=execution.error or execution.status,
        cause=execution.cause or "",
        dead_runs=dead_runs,
        set_aside=dict(failed),
    )


def stopped(order: Order, state_dir: Path, progress: Progress) -> Ending:
    """How the run ends if it ends now."""
    planned = (state_dir / "runs" / order.name / "plan.json").exists()
    return Ending(
        run_id=order.name,
        how="stopped",
        simulated=order.plan.simulated,
        planned=len(progress.sites) if planned else 0,
        stored=len(stored_sites(state_dir, order.name)),
    )


def _summary(state_dir: Path, run_id: str) -> Summary | None:
    try:
        return Summary.model_validate_json((state_dir / summary_key(run_id)).read_bytes())
    except FileNotFoundError:
        return None


def _nothing(order: Order, seconds: float) -> Summary:
    """The census of a run that had no site: nothing was missed, so it is complete."""
    return Summary(
        run_id=order.name,
        mode=order.plan.mode,
        status="complete",
        planned=0,
        accepted=0,
        missed=MissedByReason(),
        regenerated=0,
        model_calls=0,
        rate_limited=0,
        tokens=Tokens(input=0, output=0),
        cost_usd=0.0,
        simulated=order.plan.simulated,
        started_at=order.plan.started_at,
        duration_s=round(seconds, 3),
        sites=[],
    )
