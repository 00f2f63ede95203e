"""`nightfold plan`."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from infra.cli.installation import Installation
from infra.cli.options import (
    configuration_options,
    installation_options,
    json_option,
    question_option,
    selection_options,
)
from infra.cli.terminal import to_stdout, width_of

if TYPE_CHECKING:
    from infra.cli.run_request import Selection


@click.command()
@selection_options
@configuration_options
@question_option
@json_option
@installation_options
def plan(selection: "Selection", overrides: Mapping[str, Any], as_json: bool, at: Installation) -> int:
    """Show what a run would do and its maximum cost. Nothing is started."""
    from infra.cli import plan_text
    from infra.cli.run_request import request_run

    request = request_run(at, selection, overrides)
    to_stdout([plan_text.as_json(request)] if as_json else plan_text.as_text(request, width_of(sys.stdout)))
    return 0
