"""`nightfold misses`."""

import sys
from pathlib import Path

import click

from infra.cli.options import json_option, state_dir_option
from infra.cli.terminal import to_stderr, to_stdout, visible, width_of


@click.command()
@json_option
@state_dir_option
def misses(as_json: bool, state_dir: Path) -> int:
    """List the waiting and the parked misses, with their reasons."""
    from infra.cli import misses_text
    from infra.cli.invocation import redrive_of, suggest
    from infra.state.queued_misses import read_misses, unreadable_messages
    from infra.state.unfinished_runs import passed_over_runs, unfinished_runs

    if not state_dir.exists():
        to_stderr(f"{state_dir} does not exist yet.")
    found = read_misses(state_dir)
    to_stdout([misses_text.as_json(found)] if as_json else misses_text.as_text(found, state_dir, width_of(sys.stdout)))
    for path, why in unreadable_messages(state_dir):
        to_stderr(f"{path} is not a readable message ({visible(why, 200)}). The next run sets it aside.")
    for dead in unfinished_runs(state_dir):
        kept = f"{dead.stored:,} of {len(dead.plan.sites):,} outcomes are stored"
        to_stderr(f"Run {dead.run_id} stopped before it finished: {kept}.")
        command = suggest(redrive_of(simulated=dead.plan.simulated), state_dir)
        to_stderr(f"`{command}` closes it and collects the rest.")
    for folder in passed_over_runs(state_dir):
        to_stderr(misses_text.passed_over(folder.name, folder.why))
    for line in misses_text.redrives({miss.simulated for miss in found if miss.queue == "waiting"}, state_dir):
        to_stderr(line)
    return 0
