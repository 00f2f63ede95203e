"""`nightfold config`."""

import sys
from pathlib import Path

import click

from infra.cli.options import json_option, state_dir_option
from infra.cli.terminal import confirmed, to_stderr, to_stdout, visible, width_of


@click.command()
@click.argument("settings", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@state_dir_option
def config(settings: tuple[str, ...], yes: bool, as_json: bool, state_dir: Path) -> int:
    """Show the configuration, or change fields of it.

    A change takes effect in the next run. The fields that you do not name keep their values.
    """
    from infra.cli import config_text
    from infra.cli.configuration import FILE, configuration_text, fields_of, replace_configuration, stored
    from infra.cli.run_request import check_writable

    text = configuration_text(state_dir)
    if not settings:
        now = stored(state_dir, text)
        to_stdout([config_text.as_json(now)] if as_json else config_text.as_text(now, width_of(sys.stdout)))
        return 0
    change = config_text.changed(state_dir, text, fields_of(settings, "config"))
    for line in change.lines or ["Nothing changes: the configuration has these values."]:
        to_stderr(visible(line))
    if change.lines:
        check_writable(state_dir)
        if not yes and not confirmed("config", f"Write this to {visible(state_dir / FILE)}?"):
            to_stderr("Nothing was changed.")
            return 0
        replace_configuration(state_dir, text, change.fields)
    if as_json:
        to_stdout([config_text.as_json(change.after)])
    elif change.lines:
        to_stdout([config_text.written(len(change.lines), state_dir / FILE)])
    return 0
