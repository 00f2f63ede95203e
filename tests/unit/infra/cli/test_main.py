"""infra/cli/main.py: the group of commands."""

import pytest

from infra.cli.main import nightfold


@pytest.mark.parametrize("name", nightfold.commands)
def test_each_command_has_a_module_of_its_name(name: str) -> None:
    command = nightfold.commands[name]
    assert command.callback is not None
    assert command.callback.__module__ == f"infra.cli.{name}"
    assert command.help
