"""`nightfold redrive`."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from infra.cli.installation import Installation
from infra.cli.options import (
    configuration_options,
    detach_option,
    installation_options,
    json_option,
    quiet_option,
    simulation_options,
)
from infra.cli.terminal import to_stderr, to_stdout, width_of

if TYPE_CHECKING:
    from infra.messages_api.endpoint import Simulation


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would run and its maximum cost. Nothing is started.")
@configuration_options
@simulation_options
@detach_option
@json_option
@quiet_option
@installation_options
def redrive(
    dry_run: bool,
    overrides: Mapping[str, Any],
    simulation: "Simulation",
    detach: bool,
    as_json: bool,
    quiet: bool,
    at: Installation,
) -> int:
    """Run again, but only for the misses."""
    from infra.cli import misses_text, plan_text
    from infra.cli.redrive_request import request_redrive
    from infra.cli.run_with_view import run_with_view

    runner = at.runner(simulation, None)
    request = request_redrive(at, overrides, runner.speed, simulated=runner.simulated)
    skipped = [misses_text.passed_over(run.name, run.why) for run in request.passed_over]
    if dry_run or not quiet:
        for line in skipped:
            to_stderr(line)
    if dry_run:
        for line in runner.about_queues():
            to_stderr(line)
        text = plan_text.redrive_as_json if as_json else plan_text.redrive_as_text
        to_stdout(text(request, at, width_of(sys.stdout)))
        return 0
    code = run_with_view(request, runner, at, as_json=as_json, quiet=quiet, detach=detach)
    if quiet and code != 0:
        for line in skipped:
            to_stderr(line)
    return code
