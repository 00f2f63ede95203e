"""One run with its live view, and what is said after it."""

import sys
from pathlib import Path

from infra.cli import live_view as live
from infra.cli import plan_text as planned
from infra.cli import results_text as words
from infra.cli.interrupts import at_the_second
from infra.cli.local_run import Ending, run_locally, stopped
from infra.cli.preflight import Order, check_writable
from infra.cli.progress import Progress
from infra.cli.terminal import state_dir_argument, to_stderr, to_stdout, width_of
from infra.messages_api.endpoint import Endpoint


def run_with_view(order: Order, endpoint: Endpoint, state_dir: Path, *, as_json: bool) -> int:
    """The exit code. Raises StateDirInUse, CorruptState, UnsafeState, InvalidInput."""
    stderr = sys.stderr
    check_writable(state_dir)
    to_stderr(endpoint.notice)
    for line in planned.before_it_starts(order):
        to_stderr(line)
    collecting = order.plan.mode == "collect"
    sites = [site.site_id for site in order.plan.sites] if collecting else []
    progress = Progress(sites, None if live.is_terminal(stderr) else live.PlainLines(stderr))
    progress.simulated = order.plan.simulated
    option = state_dir_argument(state_dir)
    at_the_second(lambda: words.without_census(stopped(order, state_dir, progress), state_dir, option))
    notices: list[str] = []
    with live.view(progress, stderr, keep=as_json or not sys.stdout.isatty()):
        progress.say("deploying template.yaml into the embedded cloud")
        ending = run_locally(order, endpoint, state_dir, progress, notices.append)
    for line in (*notices, *words.dead_runs(ending)):
        to_stderr(line)
    _last_words(ending, state_dir, as_json=as_json)
    return ending.exit_code


def _last_words(ending: Ending, state_dir: Path, *, as_json: bool) -> None:
    option = state_dir_argument(state_dir)
    if ending.how in {"closed", "nothing"} and ending.summary is not None and as_json:
        to_stdout([words.as_json(ending.summary)])
    match ending.how:
        case "nothing":
            to_stderr(f"Nothing to do: no miss waits. (What is parked: uv run nightfold misses{option})")
        case "closed" if ending.summary is not None and not as_json:
            to_stderr("")
            to_stdout(words.as_text(ending.summary, state_dir, width_of(sys.stdout)))
            to_stdout(["", *words.whereabouts(ending.summary, state_dir, option)])
        case "closed":
            pass
        case _:
            for line in words.without_census(ending, state_dir, option):
                to_stderr(line)
