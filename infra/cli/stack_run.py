"""Runs in a deployed stack: started, followed and stopped."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from infra.cli.installation import Installation
from infra.cli.interrupts import signals_held, stop_if_requested
from infra.cli.progress import Progress
from infra.cli.run_names import run_named
from infra.cli.run_request import RunRequest
from infra.cli.run_result import RunResult, result_of
from infra.cli.stack_follow import StackFollower
from infra.cli.unfinished_runs import stored_sites
from infra.stack.deployed import DeployedStack
from nightfold.contract import Plan
from nightfold.errors import InvalidInput
from nightfold.run_folders import NotARun, plan_of
from nightfold.settings import RunConfiguration
from nightfold.storage import plan_key
from planner.budget import worst_case
from planner.inputs import read_input, run_id_of


@dataclass(frozen=True)
class StackRunner:
    """Starts runs and follows them."""

    at: Installation
    deployed: DeployedStack
    insists = False
    speed = 1.0

    @property
    def simulated(self) -> bool:
        return self.deployed.simulated

    @property
    def notice(self) -> str:
        made_up = ", with made-up answers: nothing is paid" if self.simulated else ""
        return f"In {self.at.place}{made_up}."

    def check(self) -> None:
        """Whether a run could be followed: once it has begun, a refusal comes too late."""
        self.deployed.executions.find(self.deployed.executions.arn("nightfold"))
        self.deployed.records.some_keys("runs/", at_most=1)

    def about_queues(self) -> Iterator[str]:
        yield from ()

    def detached(self) -> Callable[[RunRequest], None]:
        return self._start

    def _start(self, request: RunRequest) -> None:
        with signals_held():  # a run that has begun is never left without a word
            self.deployed.executions.start(request.name, request.execution_input)

    def run(self, request: RunRequest, progress: Progress, notify: Callable[[str], None]) -> RunResult:  # noqa: ARG002
        progress.dead_runs = [run.run_id for run in request.unfinished]
        self._start(request)
        return self._follow(request, progress, self.deployed.executions.arn(request.name))

    def _follow(self, request: RunRequest, progress: Progress, arn: str) -> RunResult:
        """Until the run's end; until Ctrl-C, or if AWS no longer answers, which both leave it running."""
        began = time.monotonic()
        follower = StackFollower(self.deployed.executions, self.deployed.records, request.name, arn, progress)
        try:
            stop_if_requested()
            execution = follower.until_its_end()
            return result_of(request, self.at.records, progress, execution, time.monotonic() - began)
        except KeyboardInterrupt:
            return self.ended_at_once(request, progress)
        except InvalidInput as error:
            return replace(self.ended_at_once(request, progress), error=str(error))

    def ended_at_once(self, request: RunRequest, progress: Progress) -> RunResult:
        return RunResult(
            request.name,
            "left",
            simulated=request.plan.simulated,
            planned=len(progress.sites),
            stored=progress.stored,
        )


@dataclass(frozen=True)
class StartedRun(StackRunner):
    """A run that was started before: to run it is to follow it."""

    arn: str
    request: RunRequest

    @property
    def is_running(self) -> bool:
        return self.deployed.executions.is_running(self.arn)

    @property
    def stored(self) -> int:
        """How many sites have a stored outcome."""
        return len(stored_sites(self.at.records, self.request.name))

    def run(self, request: RunRequest, progress: Progress, notify: Callable[[str], None]) -> RunResult:  # noqa: ARG002
        return self._follow(request, progress, self.arn)

    def stop(self) -> None:
        self.deployed.executions.stop(self.arn)


def started_run(command: str, name: str | None, at: Installation, deployed: DeployedStack) -> StartedRun:
    """The run with this name, or which begins with it; None: the one that began last of those that have not ended.
    Raises InvalidInput."""
    executions = deployed.executions
    if name is None:
        running = executions.running()
        if not running:
            raise InvalidInput(
                f"{command}: no run of {at.place} is under way; `{at.suggest('report --list')}` lists them"
            )
        arn = running[0]
    elif executions.find(arn := executions.arn(name)) is None:  # a night has another name than its execution
        run_id = run_named(command, name, at)
        try:
            plan = plan_of(run_id, at.records.get(plan_key(run_id)))
        except NotARun as why:
            raise InvalidInput(f"{command}: {run_id} is not a run: {why}") from None
        return StartedRun(at, deployed, plan.execution_id, _request(plan))
    found = executions.find(arn)
    if found is None:
        raise InvalidInput(f"{command}: the run has just ended; `{at.suggest('report --list')}` lists it")
    given = read_input(found.given)
    run_id = run_id_of(given, found.name)
    try:
        plan = plan_of(run_id, at.records.get(plan_key(run_id)))
    except NotARun:  # it has just been started
        plan = Plan(
            run_id=run_id,
            mode=given.mode,
            execution_id=arn,
            started_at=found.started_at,
            configuration=(configuration := RunConfiguration()),
            sites=[],
            worst_case=worst_case([], configuration, {}),
            simulated=deployed.simulated,
        )
    return StartedRun(at, deployed, arn, _request(plan))


def _request(plan: Plan) -> RunRequest:
    return RunRequest(plan.run_id, plan.overrides, plan)
