"""`nightfold memory`."""

import sys

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option
from infra.cli.terminal import confirmed, to_stderr, to_stdout, width_of


@click.command()
@click.argument("site")
@click.option("--question", metavar="NAME", help="Only of this question.")
@click.option("--kind", type=click.Choice(["real", "simulated"]), help="Only of real, or of simulated runs.")
@click.option("--forget", is_flag=True, help="Empty it: the site may be offered the same again.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@installation_options
def memory(
    site: str, question: str | None, kind: str | None, forget: bool, yes: bool, as_json: bool, at: Installation
) -> int:
    """Show what a site was offered before, the newest first.

    The newest headings go into the prompt, and an entry with one of them is not accepted again. Simulated and real runs
    remember apart.
    """
    from infra.cli import memory_text

    found = memory_text.chosen(at.records, site, question, kind)
    if forget and found and not yes and not confirmed("memory", memory_text.question(found, site)):
        to_stderr("Nothing was forgotten.")
        return 0
    if forget and found:
        for notice in at.forget([(part.key, part.kind) for part in found]):
            to_stderr(notice)
    if as_json:
        to_stdout([memory_text.as_json(found)])
    elif forget:
        to_stdout([memory_text.forgotten(found)])
    else:
        to_stdout(memory_text.as_text(found, width_of(sys.stdout)))
    if not found:
        to_stderr(memory_text.nothing(at.records, site))
    return 0
