"""`nightfold plan`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.cli.options import configuration_options, json_option, selection_options, state_dir_option
from infra.cli.terminal import to_stdout, width_of

if TYPE_CHECKING:
    from infra.cli.preflight import Selection


@click.command()
@selection_options
@configuration_options
@json_option
@state_dir_option
def plan(selection: "Selection", overrides: Mapping[str, Any], as_json: bool, state_dir: Path) -> int:
    """What a run would do, and what it would cost at most. Starts nothing."""
    from infra.cli import plan_text
    from infra.cli.preflight import order_collection

    order = order_collection(state_dir, selection, overrides)
    to_stdout([plan_text.as_json(order)] if as_json else plan_text.as_text(order, width_of(sys.stdout)))
    return 0
