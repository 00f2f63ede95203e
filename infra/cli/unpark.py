"""`nightfold unpark`."""

from pathlib import Path

import click

from infra.cli.options import json_option, state_dir_option
from infra.cli.terminal import to_stderr, to_stdout


@click.command()
@click.argument("sites", metavar="[SITE]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@state_dir_option
def unpark(sites: tuple[str, ...], yes: bool, as_json: bool, state_dir: Path) -> int:
    """Move parked misses back into the miss queue.

    Without a SITE, all of them. Their attempts are counted from zero again.
    """
    from infra.cli import misses_text, parked
    from infra.cli.invocation import redrive_of, suggest
    from infra.state import parked_misses

    chosen = parked.chosen("unpark", sites, state_dir)
    if chosen and not yes and not parked.agreed("unpark", chosen, "collect again in the next redrive?"):
        to_stderr("No miss was moved.")
        return 0
    moved = parked_misses.unpark(state_dir, chosen) if chosen else []
    to_stdout([parked.as_json(moved) if as_json else parked.as_text(moved, "moved back", state_dir)])
    for simulated in sorted({miss.simulated for miss in moved}):
        command = suggest(redrive_of(simulated=simulated), state_dir)
        to_stderr(misses_text.collects(command, simulated=simulated))
    return 0
