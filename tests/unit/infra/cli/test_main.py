"""infra/cli/main.py: the group of commands."""

from importlib.metadata import version

import pytest

from infra.cli.main import main, nightfold


@pytest.mark.parametrize("name", nightfold.commands)
def test_each_command_has_a_module_of_its_name(name: str) -> None:
    command = nightfold.commands[name]
    assert command.callback is not None
    assert command.callback.__module__ == f"infra.cli.{name}"
    assert command.help


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"nightfold {version('nightfold')}\n"
