"""infra/cli/invocation.py: a suggested command works where the one before it was typed."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from infra.cli.invocation import MODULE, ROOT, suggest, suggest_anywhere
from infra.cli.stack import Stack
from infra.cli.terminal import STATE_DIR

SCRIPT = shlex.quote(str(Path(sys.executable).with_name("nightfold")))


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's shell is in a folder with a virtual environment, none of which is on the path."""
    script = tmp_path / "repo" / ".venv" / "bin" / "nightfold"
    script.parent.mkdir(parents=True)
    script.touch(mode=0o755)
    for name in ("UV", "UV_RUN_RECURSION_DEPTH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("infra.cli.invocation.ROOT", tmp_path / "repo")
    monkeypatch.chdir(tmp_path / "repo")
    monkeypatch.setenv("PWD", str(tmp_path / "repo"))
    return script


def called(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", [words[0]])
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, *words])


def by_uv(monkeypatch: pytest.MonkeyPatch, uv: Path, script: Path, path: str) -> None:
    uv.parent.mkdir(parents=True, exist_ok=True)
    uv.touch(mode=0o755)
    monkeypatch.setenv("UV", str(uv))
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    monkeypatch.setenv("PATH", f"{script.parent}:{path}")  # as uv puts it for its child
    called(monkeypatch, str(script))


def test_a_script_is_called_by_the_path_that_was_typed(monkeypatch: pytest.MonkeyPatch, shell: Path) -> None:
    called(monkeypatch, ".venv/bin/nightfold")
    assert suggest("redrive", STATE_DIR) == ".venv/bin/nightfold redrive"
    assert suggest("redrive", Path("my state")) == ".venv/bin/nightfold redrive --state-dir 'my state'"
    called(monkeypatch, str(shell))
    assert suggest("misses", STATE_DIR) == ".venv/bin/nightfold misses"


def test_a_script_in_the_shells_folder_keeps_its_dot(monkeypatch: pytest.MonkeyPatch, shell: Path) -> None:
    monkeypatch.chdir(shell.parent)
    monkeypatch.setenv("PWD", str(shell.parent))
    for typed in ("./nightfold", str(shell)):
        called(monkeypatch, typed)
        assert suggest("redrive", STATE_DIR) == "./nightfold redrive"


def test_from_another_folder_the_path_is_the_one_that_was_typed_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    called(monkeypatch, "repo/.venv/bin/nightfold")
    assert suggest("redrive", STATE_DIR) == "repo/.venv/bin/nightfold redrive"


def test_a_script_on_the_path_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch, shell: Path) -> None:
    monkeypatch.setenv("PATH", str(shell.parent))
    called(monkeypatch, str(shell))
    assert suggest("redrive", STATE_DIR) == "nightfold redrive"


def test_uv_run_is_suggested_if_the_shell_finds_that_uv(
    monkeypatch: pytest.MonkeyPatch, shell: Path, tmp_path: Path
) -> None:
    by_uv(monkeypatch, tmp_path / "bin" / "uv", shell, str(tmp_path / "bin"))
    assert suggest("redrive", STATE_DIR) == "uv run nightfold redrive"


def test_a_uv_that_is_on_no_path_is_not_suggested(monkeypatch: pytest.MonkeyPatch, shell: Path, tmp_path: Path) -> None:
    by_uv(monkeypatch, tmp_path / "repo" / ".uv" / "bin" / "uv", shell, "/usr/bin")
    assert suggest("redrive", STATE_DIR) == ".venv/bin/nightfold redrive"


def test_uv_run_for_a_project_elsewhere_is_not_suggested(
    monkeypatch: pytest.MonkeyPatch, shell: Path, tmp_path: Path
) -> None:
    by_uv(monkeypatch, tmp_path / "bin" / "uv", shell, str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    assert suggest("redrive", STATE_DIR) == "repo/.venv/bin/nightfold redrive"


def test_if_the_shell_is_in_another_folder_everything_is_absolute(
    monkeypatch: pytest.MonkeyPatch, shell: Path, tmp_path: Path
) -> None:
    """`make -C repo run`, `uv --directory repo run nightfold run`."""
    monkeypatch.setenv("PWD", str(tmp_path))
    called(monkeypatch, ".venv/bin/nightfold")
    assert suggest("redrive", STATE_DIR) == f"{shell} redrive --state-dir {tmp_path}/repo/.nightfold"


def test_a_script_that_sh_runs_for_uv_does_not_believe_pwd(
    monkeypatch: pytest.MonkeyPatch, shell: Path, tmp_path: Path
) -> None:
    """`uv run --directory repo nightfold run` where the path has a space: sh has replaced PWD."""
    shell.write_text("#!/bin/sh\n")
    called(monkeypatch, str(shell))
    assert suggest("redrive", STATE_DIR) == ".venv/bin/nightfold redrive"
    by_uv(monkeypatch, tmp_path / "bin" / "uv", shell, str(tmp_path / "bin"))
    assert suggest("redrive", STATE_DIR) == f"{shell} redrive --state-dir {tmp_path}/repo/.nightfold"


def test_a_module_is_called_as_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(ROOT / "infra" / "cli" / "main.py")])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-W", "ignore", "-m", MODULE, "run"])
    assert suggest("redrive", STATE_DIR) == f"python -W ignore -m {MODULE} redrive"


def test_a_page_shows_a_command_for_any_folder() -> None:
    command = suggest_anywhere("redrive", Path("mine"))
    assert command.startswith(f"{SCRIPT} redrive")
    assert command.endswith(f" --state-dir {os.getcwd()}/mine")  # noqa: PTH109


def test_the_page_of_a_stacks_run_shows_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    called(monkeypatch, ".venv/bin/nightfold")
    command = Stack("nightfold", profile="my own").redrive_anywhere(simulated=False)
    assert command == f"{SCRIPT} redrive --stack nightfold --profile 'my own'"
