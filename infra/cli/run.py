"""`nightfold run`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.cli.options import (
    configuration_options,
    json_option,
    question_option,
    quiet_option,
    selection_options,
    simulation_options,
    state_dir_option,
)

if TYPE_CHECKING:
    from infra.cli.run_request import Selection
    from infra.messages_api.endpoint import Simulation


@click.command()
@selection_options
@configuration_options
@question_option
@simulation_options
@json_option
@quiet_option
@state_dir_option
def run(
    selection: "Selection",
    overrides: Mapping[str, Any],
    simulation: "Simulation",
    as_json: bool,
    quiet: bool,
    state_dir: Path,
) -> int:
    """Run now, on this machine."""
    from infra.cli.default_files import here_or_in_repository
    from infra.cli.run_request import request_run
    from infra.cli.run_with_view import run_with_view
    from infra.messages_api.endpoint import SCENARIO, choose_endpoint

    endpoint = choose_endpoint(os.environ, simulation, default_scenario=here_or_in_repository(SCENARIO))
    request = request_run(state_dir, selection, overrides, endpoint.speed, simulated=endpoint.simulated)
    return run_with_view(request, endpoint, state_dir, as_json=as_json, quiet=quiet)
