"""`nightfold plan`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from infra.cli.options import configuration_options, json_option, sites_option, state_dir_option
from infra.cli.terminal import to_stdout, width_of


@click.command()
@sites_option
@configuration_options
@json_option
@state_dir_option
def plan(sites: Path | None, overrides: Mapping[str, Any], as_json: bool, state_dir: Path) -> int:
    """What a run would do, and what it would cost at most. Starts nothing."""
    from infra.cli import plan_text
    from infra.cli.preflight import SITES, here_or_in_repository, order_collection

    order = order_collection(state_dir, sites or here_or_in_repository(SITES), overrides)
    to_stdout([plan_text.as_json(order)] if as_json else plan_text.as_text(order, width_of(sys.stdout)))
    return 0
