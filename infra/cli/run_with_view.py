"""What `run` and `redrive` do with a request: show the live view, run it, print the result."""

import sys
from contextlib import nullcontext
from pathlib import Path

from infra.cli import live_view, plan_text, results_text
from infra.cli.configuration import check_writable
from infra.cli.interrupts import on_second_signal
from infra.cli.invocation import suggest
from infra.cli.local_run import run_locally
from infra.cli.progress import Progress
from infra.cli.run_request import RunRequest
from infra.cli.run_result import RunResult, result_if_stopped
from infra.cli.terminal import to_stderr, to_stdout, width_of
from infra.messages_api.endpoint import Endpoint


def run_with_view(
    request: RunRequest, endpoint: Endpoint, state_dir: Path, *, as_json: bool, quiet: bool = False
) -> int:
    """The exit code. Raises StateDirInUse, CorruptState, UnsafeState, InvalidInput."""
    stderr = sys.stderr
    check_writable(state_dir)
    if not quiet or endpoint.unasked:
        to_stderr(endpoint.notice)  # without it, a cron job without a key would silently store invented answers
    if not quiet:
        for line in plan_text.before_it_starts(request, state_dir):
            to_stderr(line)
    sites = [site.site_id for site in request.plan.sites] if request.plan.mode == "collect" else []
    lines = None if quiet or live_view.is_terminal(stderr) else live_view.PlainLines(stderr)
    progress = Progress(sites, lines)
    progress.simulated = request.plan.simulated
    progress.wave.expected_s = request.plan.expected.minutes * 60 if request.plan.expected is not None else None
    on_second_signal(lambda: results_text.without_census(result_if_stopped(request, state_dir, progress), state_dir))
    notices: list[str] = []
    with nullcontext() if quiet else live_view.view(progress, stderr, keep=as_json or not sys.stdout.isatty()):
        progress.set_phase("deploying template.yaml into the embedded cloud")
        result = run_locally(request, endpoint, state_dir, progress, notices.append)
    silent = quiet and result.exit_code == 0
    for line in (*notices, *(() if silent else results_text.dead_runs(result))):
        to_stderr(line)
    if as_json or not silent:
        _print_result(result, state_dir, as_json=as_json, quiet=quiet)
    return result.exit_code


def _print_result(result: RunResult, state_dir: Path, *, as_json: bool, quiet: bool) -> None:
    if result.how not in {"closed", "nothing"} or result.summary is None:
        for line in results_text.without_census(result, state_dir):
            to_stderr(line)
        return
    if as_json:
        to_stdout([results_text.as_json(result.summary)])
    if result.how == "nothing":
        to_stderr("Nothing to do: no miss is waiting. To list parked misses:")
        to_stderr(suggest("misses", state_dir))
    elif not as_json:
        if not quiet:
            to_stderr("")
        summary = result.summary
        to_stdout(results_text.as_text(summary, state_dir, width_of(sys.stdout)))
        to_stdout(["", *results_text.next_steps(summary, state_dir)])
        if summary.planned:  # many lines separate it from the census above
            to_stdout(["", results_text.census_line(summary)])
