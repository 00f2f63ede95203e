"""`nightfold redrive`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.cli.options import configuration_options, json_option, quiet_option, simulation_options, state_dir_option
from infra.cli.terminal import to_stderr, to_stdout, width_of

if TYPE_CHECKING:
    from infra.messages_api.endpoint import Simulation


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would run and its maximum cost. Nothing is started.")
@configuration_options
@simulation_options
@json_option
@quiet_option
@state_dir_option
def redrive(
    dry_run: bool,
    overrides: Mapping[str, Any],
    simulation: "Simulation",
    as_json: bool,
    quiet: bool,
    state_dir: Path,
) -> int:
    """Run again, but only for the misses."""
    from infra.cli import misses_text, plan_text
    from infra.cli.redrive_request import request_redrive
    from infra.cli.run_with_view import run_with_view
    from infra.messages_api.endpoint import choose_endpoint
    from infra.state.unfinished_runs import passed_over_runs

    endpoint = choose_endpoint(os.environ, simulation, default_scenario=None)
    request = request_redrive(state_dir, overrides, endpoint.speed, simulated=endpoint.simulated)
    for folder in passed_over_runs(state_dir):
        to_stderr(misses_text.passed_over(folder.name, folder.why))
    if dry_run:
        text = plan_text.redrive_as_json if as_json else plan_text.redrive_as_text
        to_stdout(text(request, state_dir, width_of(sys.stdout)))
        return 0
    return run_with_view(request, endpoint, state_dir, as_json=as_json, quiet=quiet)
