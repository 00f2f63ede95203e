"""One run with its live view, and what is said after it."""

import sys
from contextlib import nullcontext
from pathlib import Path

from infra.cli import live_view as live
from infra.cli import plan_text as planned
from infra.cli import results_text as words
from infra.cli.interrupts import at_the_second
from infra.cli.invocation import suggest
from infra.cli.local_run import Ending, run_locally, stopped
from infra.cli.preflight import Order, check_writable
from infra.cli.progress import Progress
from infra.cli.terminal import to_stderr, to_stdout, width_of
from infra.messages_api.endpoint import Endpoint


def run_with_view(order: Order, endpoint: Endpoint, state_dir: Path, *, as_json: bool, quiet: bool = False) -> int:
    """The exit code. Raises StateDirInUse, CorruptState, UnsafeState, InvalidInput."""
    stderr = sys.stderr
    check_writable(state_dir)
    collecting = order.plan.mode == "collect"
    if not quiet or endpoint.unasked:
        to_stderr(endpoint.notice)  # a crontab without a key would collect made-up answers in silence
    if not quiet:
        for line in planned.before_it_starts(order, state_dir):
            to_stderr(line)
    sites = [site.site_id for site in order.plan.sites] if collecting else []
    lines = None if quiet or live.is_terminal(stderr) else live.PlainLines(stderr)
    progress = Progress(sites, lines)
    progress.simulated = order.plan.simulated
    at_the_second(lambda: words.without_census(stopped(order, state_dir, progress), state_dir))
    notices: list[str] = []
    with nullcontext() if quiet else live.view(progress, stderr, keep=as_json or not sys.stdout.isatty()):
        progress.say("deploying template.yaml into the embedded cloud")
        ending = run_locally(order, endpoint, state_dir, progress, notices.append)
    silent = quiet and ending.exit_code == 0
    for line in (*notices, *(() if silent else words.dead_runs(ending))):
        to_stderr(line)
    if as_json or not silent:
        _last_words(ending, state_dir, as_json=as_json, quiet=quiet)
    return ending.exit_code


def _last_words(ending: Ending, state_dir: Path, *, as_json: bool, quiet: bool) -> None:
    if ending.how in {"closed", "nothing"} and ending.summary is not None and as_json:
        to_stdout([words.as_json(ending.summary)])
    match ending.how:
        case "nothing":
            to_stderr(f"Nothing to do: no miss waits. (What is parked: {suggest('misses', state_dir)})")
        case "closed" if ending.summary is not None and not as_json:
            if not quiet:
                to_stderr("")
            to_stdout(words.as_text(ending.summary, state_dir, width_of(sys.stdout)))
            to_stdout(["", *words.whereabouts(ending.summary, state_dir), "", words.census_line(ending.summary)])
        case "closed":
            pass
        case _:
            for line in words.without_census(ending, state_dir):
                to_stderr(line)
