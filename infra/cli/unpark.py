"""`nightfold unpark`."""

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option
from infra.cli.terminal import to_stderr, to_stdout


@click.command()
@click.argument("sites", metavar="[SITE]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@installation_options
def unpark(sites: tuple[str, ...], yes: bool, as_json: bool, at: Installation) -> int:
    """Move parked misses back into the miss queue.

    Without a SITE, all of them. Their attempts are counted from zero again. Of a stack, all parked messages are
    received, and those that stay are given back at once.
    """
    from infra.cli import misses_text, parked

    with at.parked() as queue:
        chosen = parked.chosen("unpark", sites, queue)
        if chosen and not yes and not parked.agreed("unpark", chosen, "collect again in the next redrive?"):
            to_stderr("No miss was moved.")
            return 0
        moved = queue.unpark(chosen) if chosen else []
        to_stdout([parked.as_json(moved) if as_json else parked.as_text(moved, "moved back", queue.left())])
    for simulated in sorted({miss.simulated for miss in moved}):
        to_stderr(misses_text.collects(at.redrive(simulated=simulated), simulated=simulated))
    return 0
