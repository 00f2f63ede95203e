"""`nightfold new-question`."""

import shlex
from pathlib import Path

import click

from infra.cli.invocation import program, typed_here
from infra.cli.terminal import to_stdout


@click.command(name="new-question")
@click.argument("name")
def new_question(name: str) -> int:
    """Write a question to start from.

    It is the folder functions/questions/NAME, and runs at once against the simulated API.
    """
    from infra.cli.configuration import ROOT
    from infra.cli.question_folder import write_question

    here = Path.cwd()
    files = [
        str(path.relative_to(here) if typed_here() and path.is_relative_to(here) else path)
        for path in write_question(name, ROOT)
    ]
    to_stdout(
        [
            f"Question {name} is in functions/questions/{name}. Edit it, look at the plan, try it:",
            f"${{EDITOR:-vi}} {shlex.join(files)}",
            f"{program()} plan --question {name}",
            f"{program()} run --simulate --question {name}",
        ]
    )
    return 0
