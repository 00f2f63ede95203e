"""`nightfold report`."""

import sys
from pathlib import Path

import click

from infra.cli.options import json_option, state_dir_option
from infra.cli.terminal import to_stderr, to_stdout, width_of


@click.command()
@click.argument("run_id", required=False)
@click.option("--open", "opened", is_flag=True, help="Open the page in a browser.")
@click.option("--list", "listed", is_flag=True, help="Every run that has a census, newest first.")
@json_option
@state_dir_option
def report(run_id: str | None, opened: bool, listed: bool, as_json: bool, state_dir: Path) -> int:
    """The page of a run, of the newest one unless named: prints its address."""
    from infra.cli import pages

    if listed:
        runs = pages.closed_runs(state_dir)
        to_stdout([pages.as_json(runs)] if as_json else pages.as_text(runs, width_of(sys.stdout)))
        return 0
    page = pages.page_of(state_dir, run_id)
    to_stdout([pages.page_as_json(page) if as_json else page.as_uri()])
    if opened and not pages.open_page(page):
        to_stderr("No browser could be opened here: open the address above in one.")
    return 0
