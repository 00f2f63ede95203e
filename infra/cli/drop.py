"""`nightfold drop`."""

from pathlib import Path

import click

from infra.cli.options import json_option, state_dir_option
from infra.cli.terminal import to_stderr, to_stdout


@click.command()
@click.argument("sites", metavar="SITE...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@state_dir_option
def drop(sites: tuple[str, ...], yes: bool, as_json: bool, state_dir: Path) -> int:
    """Delete the parked misses of these sites.

    Nothing else is deleted. The next nightly run asks a site again if it is still in the site list.
    """
    from infra.cli import parked
    from infra.state import parked_misses

    chosen = parked.chosen("drop", sites, state_dir)
    if not yes and not parked.agreed("drop", chosen, "delete?"):
        to_stderr("No miss was dropped.")
        return 0
    dropped = parked_misses.drop(state_dir, chosen)
    to_stdout([parked.as_json(dropped) if as_json else parked.as_text(dropped, "dropped", state_dir)])
    if dropped:
        to_stderr("The next nightly run asks these sites again if they are still in the site list.")
    return 0
