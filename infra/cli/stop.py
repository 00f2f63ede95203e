"""`nightfold stop`."""

import json

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option
from infra.cli.terminal import confirmed, to_stderr, to_stdout, visible


@click.command()
@click.argument("run")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@installation_options
def stop(run: str, yes: bool, as_json: bool, at: Installation) -> int:
    """Stop a run of a stack. What it has stored is kept.

    The next redrive closes the run: stored answers are judged, and the other sites become misses and are collected.
    """
    from infra.cli import results_text
    from infra.cli.run_result import RunResult
    from nightfold.errors import InvalidInput

    started = at.started_run("stop", run)
    request = started.request
    if not started.is_running:
        raise InvalidInput(f"stop: run {request.name} has ended; `{at.suggest(f'report {request.name}')}` shows it")
    planned = len(request.plan.sites)
    if not yes and not confirmed("stop", f"Stop {visible(request.name)} ({started.stored:,} of {planned:,} stored)?"):
        to_stderr("Nothing was stopped.")
        return 0
    started.stop()
    stored = started.stored
    if as_json:
        to_stdout([json.dumps({"run_id": request.name, "planned": planned, "stored": stored}, indent=2)])
    else:
        left = RunResult(request.name, "stopped", simulated=started.simulated, planned=planned, stored=stored)
        to_stdout(results_text.without_census(left, at))
    return 0
