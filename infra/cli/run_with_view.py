"""What `run` and `redrive` do with a request: show the live view, run it, print the result."""

import json
import sys
from contextlib import nullcontext

from infra.cli import live_view, plan_text, results_text
from infra.cli.installation import Installation, Runner
from infra.cli.interrupts import on_second_signal
from infra.cli.progress import Progress
from infra.cli.run_request import RunRequest
from infra.cli.run_result import RunResult
from infra.cli.terminal import to_stderr, to_stdout, width_of


def run_with_view(
    request: RunRequest, runner: Runner, at: Installation, *, as_json: bool, quiet: bool = False, detach: bool = False
) -> int:
    """The exit code. Raises StateDirInUse, CorruptState, UnsafeState, InvalidInput."""
    start = runner.detached() if detach else None
    if start is None:
        runner.check()
    if not quiet or runner.insists:
        to_stderr(runner.notice)
    if not quiet:
        for line in plan_text.before_it_starts(request, at):
            to_stderr(line)
    if start is not None:
        start(request)
        to_stdout([json.dumps({"run_id": request.name}, indent=2) if as_json else request.name])
        for line in results_text.goes_on(request.name, at):
            to_stderr(line)
        return 0
    return show(request, runner, at, as_json=as_json, quiet=quiet)


def show(request: RunRequest, runner: Runner, at: Installation, *, as_json: bool, quiet: bool) -> int:
    """Runs it with the live view, prints the result, and returns the exit code."""
    result, notices = followed(request, runner, at, keep=as_json or not sys.stdout.isatty(), quiet=quiet)
    silent = quiet and result.exit_code == 0
    for line in (*notices, *(() if silent else results_text.dead_runs(result))):
        to_stderr(line)
    if as_json or not silent:
        _print_result(result, at, as_json=as_json, quiet=quiet)
    return result.exit_code


def followed(
    request: RunRequest, runner: Runner, at: Installation, *, keep: bool, quiet: bool = False
) -> tuple[RunResult, list[str]]:
    """Runs it with the live view: the result, and notices for the user. `keep`: the view stays on the terminal."""
    sites = [site.site_id for site in request.plan.sites] if request.plan.mode == "collect" else []
    stderr = sys.stderr
    lines = None if quiet or live_view.is_terminal(stderr) else live_view.PlainLines(stderr)
    progress = Progress(sites, lines)
    progress.simulated = request.plan.simulated
    progress.wave.expected_s = request.plan.expected.minutes * 60 if request.plan.expected is not None else None
    on_second_signal(lambda: results_text.without_census(runner.ended_at_once(request, progress), at))
    notices: list[str] = []
    with nullcontext() if quiet else live_view.view(progress, stderr, keep=keep):
        return runner.run(request, progress, notices.append), notices


def _print_result(result: RunResult, at: Installation, *, as_json: bool, quiet: bool) -> None:
    if result.how not in {"closed", "nothing"} or result.summary is None:
        for line in results_text.without_census(result, at):
            to_stderr(line)
        return
    if as_json:
        to_stdout([results_text.as_json(result.summary)])
    if result.how == "nothing":
        to_stderr("Nothing to do: no miss is waiting. To list parked misses:")
        to_stderr(at.suggest("misses"))
    elif not as_json:
        if not quiet:
            to_stderr("")
        summary = result.summary
        to_stdout(results_text.as_text(summary, at, width_of(sys.stdout)))
        to_stdout(["", *results_text.next_steps(summary, at)])
        if summary.planned:  # many lines separate it from the census above
            to_stdout(["", results_text.census_line(summary)])
