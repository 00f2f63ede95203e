"""`nightfold results`."""

import sys
from datetime import date

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options
from infra.cli.terminal import to_stderr, to_stdout, width_of


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a day such as 2026-11-01") from None


@click.command()
@click.option("--since", metavar="DAY", type=_day, help="Only runs that began on this day or later.")
@click.option("--site", "site_ids", metavar="ID", multiple=True, help="Only this site. Can be repeated.")
@click.option("--question", metavar="NAME", help="Only answers to this question.")
@click.option("--all", "every", is_flag=True, help="Every answer, not only the newest of each site.")
@click.option("--simulated", is_flag=True, help="Simulated answers. By default real ones, if there are any.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    default="table",
    show_default=True,
    help="json: one object a line.",
)
@installation_options
def results(
    since: date | None,
    site_ids: tuple[str, ...],
    question: str | None,
    every: bool,
    simulated: bool,
    form: str,
    at: Installation,
) -> int:
    """Print what was accepted, of nights and mornings together.

    Of each site and question the newest answer. An entry is "repeated" if an older run has the same heading for its
    site and question, whatever its case and punctuation.
    """
    from infra.cli import accepted_text
    from infra.cli.accepted_answers import Choice, accepted_answers, accepting_runs

    runs = accepting_runs(at.records)
    accepted_text.check(runs, site_ids, question)
    chosen = Choice(
        simulated=simulated or all(run.simulated for run in runs),
        site_ids=frozenset(site_ids) or None,
        question=question,
        since=since,
        every=every,
    )
    answers = list(accepted_answers(at.records, runs, chosen))
    to_stdout(accepted_text.FORMATS[form](answers, width_of(sys.stdout)))
    if not runs:
        to_stderr(f"Nothing is accepted yet. `{at.suggest('run')}` starts a run.")
    elif not answers:
        kind = "simulated" if chosen.simulated else "real"
        to_stderr(f"No {kind} answer fits.")
    return 0
