"""`nightfold report`."""

import sys

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option
from infra.cli.terminal import to_stderr, to_stdout, width_of


@click.command()
@click.argument("run", default="latest")
@click.option("--open", "in_browser", is_flag=True, help="Open the page in a browser.")
@click.option("--text", "as_message", is_flag=True, help="Print the run's message, one screen of text, instead.")
@click.option("--list", "list_runs", is_flag=True, help="List all closed runs, newest first.")
@json_option
@installation_options
def report(run: str, in_browser: bool, as_message: bool, list_runs: bool, as_json: bool, at: Installation) -> int:
    """Print the address of a run's page.

    RUN is a run's name, the beginning of one, or latest, which is the default.
    """
    from infra.cli import report_pages
    from infra.cli.run_names import closed_runs

    if as_message and (as_json or list_runs):
        raise click.UsageError("--text cannot be combined with --json or --list.")
    if list_runs:
        runs = closed_runs(at.records)
        to_stdout([report_pages.as_json(runs)] if as_json else report_pages.as_text(runs, width_of(sys.stdout)))
        return 0
    page = report_pages.page_of(at, run)
    if as_message:
        to_stdout(report_pages.text_of(at, page).splitlines())
    else:
        to_stdout([report_pages.page_as_json(page) if as_json else page.as_uri()])
    if in_browser and not report_pages.open_page(page):
        to_stderr("No browser could be opened. Open the address above yourself.")
    return 0
