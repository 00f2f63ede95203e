"""What `nightfold doctor` finds on a machine: programs on a planted PATH, and the packages of this environment."""

import os
import re
from pathlib import Path

import pytest

from infra.cli import machine_checks
from infra.cli.checks import Finding, looked
from infra.cli.invocation import ROOT
from infra.uv import uvs

PROJECT = """
[project]
requires-python = "==3.13.*"
[tool.uv]
required-version = ">=0.8.15"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine with a project in `project`; what is in `bin` is on its PATH."""
    for folder in ("bin", "home", "project"):
        (tmp_path / folder).mkdir()
    (tmp_path / "project" / "pyproject.toml").write_text(PROJECT)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def plant(program: Path, says: str = "", code: int = 0) -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    program.chmod(0o755)
    return program


def in_project(machine: Path, command: str) -> str:
    return f"(cd {machine / 'project'} && {command})"


def test_uv_is_found_on_the_path(machine: Path) -> None:
    plant(machine / "bin" / "uv", "uv 0.8.15 (0123456 2025-09-03)")
    assert machine_checks.uv(machine / "project") == Finding("ok", "0.8.15 (uv)")


def test_a_shim_that_fails_and_a_uv_that_is_too_old_are_passed_over(machine: Path) -> None:
    plant(machine / "bin" / "uv", "pyenv: uv: command not found", code=127)
    plant(machine / "project" / ".uv" / "bin" / "uv", "uv 0.8.9")
    good = plant(machine / "home" / ".cargo" / "bin" / "uv", "uv 0.10.0")
    assert machine_checks.uv(machine / "project") == Finding("ok", f"0.10.0 ({good})")


def test_a_uv_that_is_too_old_is_named(machine: Path) -> None:
    plant(machine / "bin" / "uv", "uv 0.8.9 (0123456 2025-08-12)")
    sentence = "uv is 0.8.9; 0.8.15 or later is needed"
    assert machine_checks.uv(machine / "project") == Finding("fix", sentence, in_project(machine, "make uv"))


def test_without_uv_make_installs_it(machine: Path) -> None:
    sentence = "not found; 0.8.15 or later is needed"
    assert machine_checks.uv(machine / "project") == Finding("fix", sentence, in_project(machine, "make uv"))


def test_uv_is_found_in_another_python(machine: Path) -> None:
    module = plant(machine / "elsewhere" / "uv", "uv 0.9.0")
    plant(machine / "bin" / "python3", str(module))
    assert list(uvs(machine / "project")) == [(str(module), "0.9.0")]


def test_the_uv_that_started_this_process_comes_first(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(machine / "bin" / "uv", "uv 0.9.0")
    monkeypatch.setenv("UV", str(plant(machine / "elsewhere" / "uv", "uv 0.9.1")))
    assert [version for _, version in uvs(machine / "project")] == ["0.9.1", "0.9.0"]


@pytest.mark.parametrize(
    ("running", "status"), [("3.13.0", "ok"), ("3.13.9", "ok"), ("3.14.0", "fix"), ("3.1.3", "fix")]
)
def test_python_is_the_one_that_the_project_wants(machine: Path, running: str, status: str) -> None:
    plant(machine / "bin" / "uv", "uv 0.9.0")
    found = machine_checks.python(machine / "project", running)
    assert (found.status, found.command) == (
        status,
        None if status == "ok" else in_project(machine, "uv sync --locked --inexact"),
    )


def test_the_packages_of_this_environment_are_as_uv_locked_them() -> None:
    assert machine_checks.packages() == Finding("ok", "as in uv.lock")


def test_packages_that_uv_would_install_are_named(tmp_path: Path) -> None:
    found = machine_checks.packages(environment=str(tmp_path / "venv"))
    assert (found.status, found.command) == ("fix", machine_checks._sync(ROOT))
    assert re.fullmatch(r"not as in uv.lock: (\+ \S+==\S+, ){2}\+ \S+==\S+ and \d+ more", found.found), found.found
    assert not (tmp_path / "venv").exists()


def test_without_uv_the_packages_are_not_compared(machine: Path) -> None:
    found = machine_checks.packages(machine / "project")
    assert (found.status, found.found.partition(":")[0]) == ("note", "not known")


@pytest.mark.parametrize(("program", "check"), [("make", machine_checks.make), ("sam", machine_checks.sam)])
def test_a_program_on_the_path(machine: Path, program: str, check: object) -> None:
    assert callable(check)
    missing = check()
    assert (missing.status, missing.found.partition(";")[0]) == ("note", "not found")
    assert check() == missing
    planted = plant(machine / "bin" / program)
    assert check() == Finding("ok", str(planted))


def test_make_is_installed_by_what_this_machine_has(machine: Path) -> None:
    assert machine_checks.make().command is None
    plant(machine / "bin" / "apt-get")
    assert machine_checks.make().command == "sudo apt-get install make"


def test_aws_credentials_are_found_where_boto3_finds_them(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_checks.aws_credentials().status == "note"
    (machine / "home" / ".aws").mkdir()
    (machine / "home" / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = secret\n"
    )
    found = machine_checks.aws_credentials()
    assert found == Finding("ok", "found (shared-credentials-file); `doctor --stack NAME` tries them")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert machine_checks.aws_credentials().found.startswith("found (env)")


def test_a_profile_that_does_not_exist(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setenv("AWS_PROFILE", "other")
    (found,) = looked({"aws credentials": machine_checks.aws_credentials})
    assert (found.finding.status, "profile (other) could not be found" in found.finding.found) == ("note", True)


@pytest.mark.parametrize(
    ("environment", "status", "says", "command"),
    [
        ({}, "note", "so runs on this machine are simulated", "export ANTHROPIC_API_KEY=sk-ant-…"),
        ({"ANTHROPIC_API_KEY": "sk-ant-SECRET"}, "ok", "runs on this machine are real", None),
        (
            {"ANTHROPIC_API_KEY": "sk-ant-SECRET\nX"},
            "fix",
            "ANTHROPIC_API_KEY: must be one word",
            "unset ANTHROPIC_API_KEY",
        ),
        (
            {"ANTHROPIC_API_KEY": "sk-ant-SECRET", "ANTHROPIC_BASE_URL": "example.com"},
            "fix",
            "ANTHROPIC_BASE_URL: 'example.com' is not a URL",
            "unset ANTHROPIC_BASE_URL",
        ),
    ],
)
def test_the_api_key_is_there_or_not_and_never_shown(
    environment: dict[str, str], status: str, says: str, command: str | None
) -> None:
    found = machine_checks.api_key(environment)
    assert (found.status, found.command) == (status, command)
    assert says in found.found
    assert "SECRET" not in found.found
