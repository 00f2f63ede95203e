"""`nightfold memory`."""

import sys
from pathlib import Path

import click

from infra.cli.options import json_option, state_dir_option
from infra.cli.terminal import confirmed, to_stderr, to_stdout, width_of


@click.command()
@click.argument("site")
@click.option("--question", metavar="NAME", help="Only of this question.")
@click.option("--kind", type=click.Choice(["real", "simulated"]), help="Only of real, or of simulated runs.")
@click.option("--forget", is_flag=True, help="Empty it: the site may be offered the same again.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@state_dir_option
def memory(
    site: str, question: str | None, kind: str | None, forget: bool, yes: bool, as_json: bool, state_dir: Path
) -> int:
    """Show what a site was offered before, the newest first.

    The newest headings go into the prompt, and an entry with one of them is not accepted again. Simulated and real runs
    remember apart.
    """
    from infra.cli import memory_text
    from infra.state import site_memories

    found = memory_text.chosen(state_dir, site, question, kind)
    if forget and found and not yes and not confirmed("memory", memory_text.question(found, site)):
        to_stderr("Nothing was forgotten.")
        return 0
    if forget:
        for notice in site_memories.forget(state_dir, site, found):
            to_stderr(notice)
    if as_json:
        to_stdout([memory_text.as_json(found)])
    elif forget:
        to_stdout([memory_text.forgotten(found)])
    else:
        to_stdout(memory_text.as_text(found, width_of(sys.stdout)))
    if not found:
        to_stderr(memory_text.nothing(state_dir, site))
    return 0
