"""`nightfold drop`."""

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option
from infra.cli.terminal import to_stderr, to_stdout


@click.command()
@click.argument("sites", metavar="SITE...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@installation_options
def drop(sites: tuple[str, ...], yes: bool, as_json: bool, at: Installation) -> int:
    """Delete the parked misses of these sites.

    Nothing else is deleted. The next nightly run asks a site again if it is still in the site list. Of a stack, all
    parked messages are received, and those that stay are given back at once.
    """
    from infra.cli import parked

    with at.parked() as queue:
        chosen = parked.chosen("drop", sites, queue)
        if not yes and not parked.agreed("drop", chosen, "delete?"):
            to_stderr("No miss was dropped.")
            return 0
        dropped = queue.drop(chosen)
        to_stdout([parked.as_json(dropped) if as_json else parked.as_text(dropped, "dropped", queue.left())])
    if dropped:
        to_stderr("The next nightly run asks these sites again if they are still in the site list.")
    return 0
