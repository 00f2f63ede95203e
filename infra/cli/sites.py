"""`nightfold sites`."""

import sys
from pathlib import Path

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option
from infra.cli.terminal import confirmed, to_stderr, to_stdout, visible, width_of


@click.command()
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@installation_options
def sites(file: Path | None, yes: bool, as_json: bool, at: Installation) -> int:
    """Show the site list, or replace it with FILE.

    FILE may be - for standard input. Either list is checked as a run would check it. A replaced list is kept until
    the next one is replaced.
    """
    from infra.cli import sites_text
    from infra.cli.site_list_change import change_to, check_as_planned
    from planner.inputs import read_sites

    place, configuration = at.site_list, at.configuration
    if file is None:
        now, text = read_sites(place.read(), place.where), configuration.read()
        to_stdout(sites_text.as_json(now) if as_json else sites_text.as_text(now, place.where, width_of(sys.stdout)))
        check_as_planned(now, place.where, text, configuration.where)
        return 0
    stored = place.find()
    change = change_to(file, stored, place.where)
    check_as_planned(change.after, change.named, configuration.read(), configuration.where)
    for line in change.lines or ["Nothing changes: these sites are in the list, in this order."]:
        to_stderr(line)
    result = sites_text.as_json(change.after) if as_json else iter(())
    if change.lines:
        if not yes and not confirmed("sites", f"Write this to {visible(place.destination)}?"):
            to_stderr("Nothing was changed.")
            return 0
        kept = place.replace(stored, change.content)
        if not as_json:
            result = sites_text.written(change.after, place.destination, kept)
    to_stdout(result)
    return 0
