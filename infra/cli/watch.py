"""`nightfold watch`."""

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option, quiet_option


@click.command()
@click.argument("run", required=False)
@json_option
@quiet_option
@installation_options
def watch(run: str | None, as_json: bool, quiet: bool, at: Installation) -> int:
    """Follow a run of a stack until its end, and show its census.

    Without RUN, the one that is under way. The beginning of a run's name will do. Ctrl-C leaves it running.
    """
    from infra.cli.run_with_view import show

    started = at.started_run("watch", run)
    started.check()
    return show(started.request, started, at, as_json=as_json, quiet=quiet)
