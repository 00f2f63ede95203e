"""infra/cli/main.py: the group of commands."""

from importlib.metadata import version
from pathlib import Path

import click
import pytest

from infra.cli.invocation import program
from infra.cli.main import BAD_INPUT, main, nightfold


@pytest.mark.parametrize("name", nightfold.commands)
def test_each_command_has_a_module_of_its_name(name: str) -> None:
    command = nightfold.commands[name]
    assert command.callback is not None
    assert command.callback.__module__ == f"infra.cli.{name.replace('-', '_')}"
    assert command.help


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"nightfold {version('nightfold')}\n"


def test_a_refusal_keeps_the_spaces_of_the_command_that_it_suggests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "nope", "--state-dir", str(tmp_path / "my  double")]) == BAD_INPUT
    assert "/my  double'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "meant"), [(["plan"], ". Did you mean --sites"), ([], f". Did you mean {program()} run --sites")]
)
def test_a_site_list_with_a_space_is_answered_with_its_option(
    command: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "my sites.json"]) == BAD_INPUT
    assert f"{meant} 'my sites.json'? (see " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["z\u00fcrich", "a\udcff", "", "my stack", "2nd", "x" * 129])
def test_what_no_stack_can_be_called_is_refused_before_aws_is_asked(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["misses", "--stack", name]) == BAD_INPUT
    assert f"Invalid value for '--stack': {name!r} is not the name or the ARN of a stack" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["Nightfold-2", "x" * 128, "arn:aws:cloudformation:eu-west-1:123456789012:stack/n/1-2"]
)
def test_the_name_and_the_arn_of_a_stack_are_taken(name: str) -> None:
    with nightfold.commands["misses"].make_context("misses", ["--stack", name]) as context:
        assert context.params["stack"] == name


@pytest.mark.parametrize("width", [80, 100])
def test_no_line_of_the_list_of_commands_is_cut(width: int) -> None:
    with click.Context(nightfold, info_name="nightfold", terminal_width=width) as context:
        text = nightfold.get_help(context)
    listed = text.partition("Commands:\n")[2].splitlines()
    assert len(listed) == len(nightfold.commands)
    assert not [line for line in listed if line.endswith("...")]
