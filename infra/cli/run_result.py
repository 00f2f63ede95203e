"""How a run ended, read from its execution and from what is stored."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from infra.cli.interrupts import exit_code, is_stop_requested
from infra.cli.progress import Progress
from infra.cli.run_request import RunRequest
from infra.cli.unfinished_runs import stored_sites, why_set_aside
from nightfold.contract import MissedByReason, Summary, Tokens
from nightfold.storage import Source, summary_key

type How = Literal["closed", "nothing", "refused", "broken", "stopped", "left"]


class Execution(Protocol):
    """An execution, as DescribeExecution describes it."""

    @property
    def status(self) -> str: ...
    @property
    def output(self) -> Any: ...
    @property
    def error(self) -> str | None: ...
    @property
    def cause(self) -> str | None: ...


@dataclass(frozen=True)
class RunResult:
    """How a run ended. `summary` is set if the run wrote its census."""

    run_id: str
    how: How  # left: it goes on without this process
    summary: Summary | None = None
    error: str = ""
    cause: str = ""
    simulated: bool = False
    planned: int = 0
    stored: int = 0  # sites with a stored outcome
    dead_runs: list[Summary] = field(default_factory=list)  # earlier runs that this run closed
    set_aside: dict[str, str] = field(default_factory=dict)  # earlier runs that it could not close, and why

    @property
    def exit_code(self) -> int:
        if self.how in {"stopped", "left"}:
            return exit_code() if is_stop_requested() else 1
        if self.how == "refused":
            return 64
        if self.summary is not None:
            return {"complete": 0, "partial": 2, "failed": 1}[self.summary.status]
        return 1


def result_of(
    request: RunRequest, records: Source, progress: Progress, execution: Execution, seconds: float
) -> RunResult:
    """The result of an execution that has ended after this many seconds."""
    summary = _summary(records, request.name)
    dead_runs = [closed for run_id in progress.dead_runs if (closed := _summary(records, run_id)) is not None]
    failed = [(run_id, why) for run_id in progress.dead_runs if (why := why_set_aside(records, run_id)) is not None]
    output = execution.output if isinstance(execution.output, dict) else {}
    how: How
    if summary is not None:
        how = "closed"
    elif execution.status == "ABORTED":
        how = "stopped"
    elif execution.status == "SUCCEEDED" and output.get("status") == "nothing":
        how, summary = "nothing", _empty_summary(request, seconds)
    elif execution.error == "InvalidInput":
        how = "refused"
    else:
        how = "broken"
    return replace(
        result_if_stopped(request, records, progress),
        how=how,
        summary=summary,
        error=execution.error or execution.status,
        cause=execution.cause or "",
        dead_runs=dead_runs,
        set_aside=dict(failed),
    )


def result_if_stopped(request: RunRequest, records: Source, progress: Progress) -> RunResult:
    """The result of a run that is stopped now."""
    return RunResult(
        run_id=request.name,
        how="stopped",
        simulated=request.plan.simulated,
        planned=len(progress.sites) if progress.run_id == request.name else 0,
        stored=len(stored_sites(records, request.name)),
    )


def _summary(records: Source, run_id: str) -> Summary | None:
    document = records.get(summary_key(run_id))
    return None if document is None else Summary.model_validate_json(document)


def _empty_summary(request: RunRequest, seconds: float) -> Summary:
    """The census of a run without sites. It has no misses, so it is complete."""
    return Summary(
        run_id=request.name,
        mode=request.plan.mode,
        status="complete",
        planned=0,
        accepted=0,
        missed=MissedByReason(),
        regenerated=0,
        model_calls=0,
        rate_limited=0,
        tokens=Tokens(input=0, output=0),
        cost_usd=0.0,
        simulated=request.plan.simulated,
        started_at=request.plan.started_at,
        duration_s=round(seconds, 3),
        sites=[],
    )
