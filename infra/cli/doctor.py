"""`nightfold doctor`."""

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option


@click.command()
@json_option
@installation_options
def doctor(as_json: bool, at: Installation) -> int:
    """Say what is missing here or in a stack, and how to fix it.

    Each line begins with ok, with -- for what is optional or not needed now, or with !! for what has to be fixed. The
    exit code is 1 if anything has to be fixed, otherwise 0.
    """
    from infra.cli.checks import shown

    return shown(at.checks(), as_json=as_json)
