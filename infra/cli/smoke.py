"""`nightfold smoke`."""

import sys
from typing import TYPE_CHECKING

import click

from infra.cli.installation import Installation
from infra.cli.options import installation_options, json_option, simulation_options
from infra.cli.terminal import confirmed, to_stderr

if TYPE_CHECKING:
    from infra.messages_api.endpoint import Simulation

SITES = 2


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask before a run that costs something.")
@simulation_options
@json_option
@installation_options
def smoke(yes: bool, simulation: "Simulation", as_json: bool, at: Installation) -> int:
    """Try it: a run of two sites, and a look at what it leaves.

    The sites are the first two of the site list. Then each line begins with ok, with -- for what you should know, or
    with !! for what is wrong. The exit code is 1 if anything is wrong, otherwise 0.
    """
    from infra.cli import plan_text, results_text
    from infra.cli.checks import shown
    from infra.cli.run_request import Selection, request_run
    from infra.cli.run_with_view import followed
    from infra.cli.smoke_checks import check_evidence, smoke_checks

    runner = at.runner(simulation, None)
    request = request_run(at, Selection(limit=SITES), {}, runner.speed, simulated=runner.simulated, kind="smoke")
    runner.check()
    check_evidence(at, request.name)
    for line in (runner.notice, *plan_text.before_it_starts(request, at)):
        to_stderr(line)
    if not (yes or runner.simulated or confirmed("smoke", "Start this run?")):
        to_stderr("Nothing was started.")
        return 0
    result, notices = followed(request, runner, at, keep=not sys.stdout.isatty())
    for line in notices:
        to_stderr(line)
    if result.how in {"stopped", "left"}:
        for line in results_text.without_census(result, at):
            to_stderr(line)
        return result.exit_code
    return shown(smoke_checks(at, result, len(request.plan.sites)), as_json=as_json)
