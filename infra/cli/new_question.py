"""`nightfold new-question`: `question_template/` under another name."""

import re
import shlex
from pathlib import Path
from shutil import rmtree

import click

from infra.cli.invocation import ROOT, program, typed_here
from infra.cli.terminal import to_stdout

TEMPLATE = Path(__file__).with_name("question_template")
FILES = ("question.py", "prompt.txt")


@click.command(name="new-question")
@click.argument("name")
def new_question(name: str) -> int:
    """Write a question to start from.

    It is the folder functions/questions/NAME, and runs at once against the simulated API.
    """
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


def write_question(name: str, root: Path) -> list[Path]:
    """The two files of the new question, in the checkout `root`. Raises InvalidInput, and has then written nothing."""
    from nightfold.complaints import but
    from nightfold.errors import InvalidInput
    from nightfold.question import NAME

    if not re.fullmatch(NAME, name):
        rule = "must be lower-case letters, digits and underscores, at most 40, and begin with a letter"
        raise InvalidInput(f"new-question: {rule}{but(name)}")
    questions = root / "functions/questions"
    if not (root / "pyproject.toml").is_file() or not questions.is_dir():
        raise InvalidInput(
            f"new-question: a question is a folder of the repository, and {root} is not a clone of it. "
            "This Nightfold is an installed package: clone the repository and run the command there"
        )
    folder = questions / name
    if folder.exists():
        raise InvalidInput(f"new-question: functions/questions/{name} is there already; choose another name")
    try:
        folder.mkdir()
        for file in FILES:
            text = (TEMPLATE / file).read_text(encoding="utf-8")
            (folder / file).write_text(text.replace("QUESTION_NAME", name), encoding="utf-8")
    except OSError as error:
        rmtree(folder, ignore_errors=True)
        raise InvalidInput(f"new-question: {folder} cannot be written ({error.strerror})") from None
    return [folder / file for file in FILES]
