"""`nightfold unpark`."""

from pathlib import Path

import click

from infra.cli.options import json_option, state_dir_option
from infra.cli.terminal import confirmed, to_stderr, to_stdout, visible
from nightfold.amounts import counted

NAMED = 10  # sites that the question names; the rest are counted


@click.command()
@click.argument("sites", metavar="[SITE]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@state_dir_option
def unpark(sites: tuple[str, ...], yes: bool, as_json: bool, state_dir: Path) -> int:
    """Move parked misses back into the miss queue.

    Without a SITE, all of them. Their attempts are counted from zero again.
    """
    from infra.cli import misses_text
    from infra.state import parked_misses
    from infra.state.queued_misses import read_misses
    from nightfold.errors import InvalidInput

    found = list(parked_misses.parked_misses(state_dir))
    parked = sorted({each.miss.site.site_id for each in found})
    if unknown := [site for site in sites if site not in parked]:
        listed = f"parked: {', '.join(parked)}" if parked else "no miss is parked"
        raise InvalidInput(f"unpark: no parked miss of {', '.join(map(repr, unknown))}; {listed}")
    chosen = [each for each in found if not sites or each.miss.site.site_id in sites]
    named = sorted({each.miss.site.site_id for each in chosen})
    if chosen and not yes and not confirmed("unpark", _question(named, len(chosen))):
        to_stderr("No miss was moved.")
        return 0
    moved = parked_misses.unpark(state_dir, chosen) if chosen else []
    if as_json:
        to_stdout([misses_text.moved_as_json(moved)])
    else:
        left = sum(miss.queue == "parked" for miss in read_misses(state_dir))
        to_stdout([f"{counted(len(moved), 'miss')} moved back, {left:,} still parked"])
    for line in misses_text.redrives({miss.simulated for miss in moved}, state_dir):
        to_stderr(line)
    return 0


def _question(site_ids: list[str], misses: int) -> str:
    named = ", ".join(map(visible, site_ids[:NAMED]))
    more = f" and {len(site_ids) - NAMED:,} more" if len(site_ids) > NAMED else ""
    return f"{counted(misses, 'miss')} of {named}{more}: collect again in the next redrive?"
