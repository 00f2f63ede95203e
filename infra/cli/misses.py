"""`nightfold misses`."""

import sys

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option
from infra.cli.terminal import to_stderr, to_stdout, width_of


@click.command()
@json_option
@installation_options
def misses(as_json: bool, at: Installation) -> int:
    """List the waiting and the parked misses, with their reasons.

    No message is received. Of a stack, what the records of its runs tell is listed, and where SQS counts differently.
    """
    from infra.cli import misses_text

    found = at.misses()
    about = [*at.about_misses(found), *misses_text.about_open_runs(at)]  # if AWS refuses that, nothing is printed
    to_stdout([misses_text.as_json(found)] if as_json else misses_text.as_text(found, at, width_of(sys.stdout)))
    for line in about:
        to_stderr(line)
    for simulated in sorted({miss.simulated for miss in found if miss.queue == "waiting"}):
        command = at.redrive(simulated=simulated)
        to_stderr(misses_text.collects(command, simulated=simulated))
    return 0
