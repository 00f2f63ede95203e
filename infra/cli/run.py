"""`nightfold run`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from infra.cli.installation import Installation
from infra.cli.options import (
    configuration_options,
    detach_option,
    installation_options,
    json_option,
    question_option,
    quiet_option,
    selection_options,
    simulation_options,
)

if TYPE_CHECKING:
    from infra.cli.run_request import Selection
    from infra.messages_api.endpoint import Simulation


@click.command()
@selection_options
@configuration_options
@question_option
@simulation_options
@detach_option
@json_option
@quiet_option
@installation_options
def run(
    selection: "Selection",
    overrides: Mapping[str, Any],
    simulation: "Simulation",
    detach: bool,
    as_json: bool,
    quiet: bool,
    at: Installation,
) -> int:
    """Run now, on this machine or in a deployed stack.

    A run of a stack is followed until its end. Ctrl-C leaves it running.
    """
    from infra.cli.run_request import request_run
    from infra.cli.run_with_view import run_with_view
    from infra.cli.site_list import here_or_in_repository
    from infra.messages_api.endpoint import SCENARIO

    runner = at.runner(simulation, here_or_in_repository(SCENARIO))
    request = request_run(at, selection, overrides, runner.speed, simulated=runner.simulated)
    return run_with_view(request, runner, at, as_json=as_json, quiet=quiet, detach=detach)
