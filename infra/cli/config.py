"""`nightfold config`."""

import sys

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option
from infra.cli.terminal import confirmed, to_stderr, to_stdout, visible, width_of


@click.command()
@click.argument("settings", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@installation_options
def config(settings: tuple[str, ...], yes: bool, as_json: bool, at: Installation) -> int:
    """Show the configuration, or change fields of it.

    A change takes effect in the next run. The fields that you do not name keep their values.
    """
    from infra.cli import config_text
    from infra.cli.configuration import fields_of, stored

    place = at.configuration
    text = place.read()
    if not settings:
        now = stored(place.where, text)
        to_stdout([config_text.as_json(now)] if as_json else config_text.as_text(now, width_of(sys.stdout)))
        return 0
    change = config_text.changed(place.where, text, fields_of(settings, "config"))
    for line in change.lines or ["Nothing changes: the configuration has these values."]:
        to_stderr(visible(line))
    if change.lines:
        if not yes and not confirmed("config", f"Write this to {visible(place.where)}?"):
            to_stderr("Nothing was changed.")
            return 0
        place.replace(text, change.fields)
    if as_json:
        to_stdout([config_text.as_json(change.after)])
    elif change.lines:
        to_stdout([config_text.written(len(change.lines), place.where)])
    return 0
