"""`nightfold run`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.cli.options import configuration_options, json_option, simulation_options, sites_option, state_dir_option

if TYPE_CHECKING:
    from infra.messages_api.endpoint import Simulation


@click.command()
@sites_option
@configuration_options
@simulation_options
@json_option
@state_dir_option
def run(
    sites: Path | None, overrides: Mapping[str, Any], simulation: "Simulation", as_json: bool, state_dir: Path
) -> int:
    """One run, here and now."""
    from infra.cli.preflight import SITES, here_or_in_repository, order_collection
    from infra.cli.run_with_view import run_with_view
    from infra.messages_api.endpoint import SCENARIO, choose_endpoint

    endpoint = choose_endpoint(os.environ, simulation, default_scenario=here_or_in_repository(SCENARIO))
    site_file = sites or here_or_in_repository(SITES)
    order = order_collection(state_dir, site_file, overrides, endpoint.speed, simulated=endpoint.simulated)
    return run_with_view(order, endpoint, state_dir, as_json=as_json)
