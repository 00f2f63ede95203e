"""What `nightfold doctor` finds in a state directory and on a machine, and what it prints.

The machine has programs on a planted PATH, and the packages of this environment.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.cli import checks, laptop_checks
from infra.cli.checks import Check, Finding, fix, looked, note, ok
from infra.cli.invocation import ROOT
from infra.cli.laptop import Laptop
from infra.state.directory import StateDirectory
from infra.uv import uvs
from nightfold.errors import InvalidInput


def finding(state_dir: Path, check: str) -> Finding:
    (found,) = [each.finding for each in laptop_checks.laptop_checks(Laptop(state_dir)) if each.name == check]
    return found


def test_a_state_directory_that_does_not_exist_yet_lacks_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    found = {check.name: check.finding for check in laptop_checks.laptop_checks(Laptop(state))}
    assert [found[name].status for name in ("state directory", "configuration", "sites", "misses")] == ["ok"] * 4
    assert found["state directory"].found.startswith(f"{state} does not exist yet, ")
    assert found["sites"].found.startswith("4 sites in ")
    assert not state.exists()


def test_a_state_directory_in_use(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state").open()
    try:
        found = finding(state.path, "state directory")
        assert (found.status, "is in use by another Nightfold process" in found.found) == ("note", True)
    finally:
        state.close()
    assert finding(state.path, "state directory").status == "ok"


def test_a_file_is_no_state_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert finding(tmp_path / "file", "state directory") == fix(
        f"--state-dir: {tmp_path / 'file'} cannot be created or written: {tmp_path / 'file'} does not allow it"
    )


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=99_000_000))
    assert finding(tmp_path, "state directory") == fix(f"only 99 MB are free where {tmp_path} is")


def test_what_a_run_would_refuse_is_found(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state").open()
    state.close()
    (state.path / "configuration.json").write_text('{"remember": 1000}')
    (state.path / "sites.json").write_text('[{"site_id": "harbour", "domain": "harbour"}]')
    wrong = finding(state.path, "configuration")
    assert wrong.status == "fix"
    assert wrong.found.startswith(f"{state.path / 'configuration.json'}: remember: ")
    assert str(wrong.command).endswith(f" config FIELD=VALUE --state-dir {state.path}")
    (state.path / "configuration.json").write_text("{}")
    wrong = finding(state.path, "sites")
    assert (wrong.status, "site 1 (harbour), domain: must be a host name" in wrong.found) == ("fix", True)
    assert str(wrong.command).endswith(f" sites FILE --state-dir {state.path}")


@pytest.mark.parametrize("text", ['{"max_concurency": 4}', '{"max_concurrency": 4', "[]", "[" * 200_000])
def test_config_is_suggested_only_where_it_can_fix_the_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "configuration.json").write_text(text)
    found = finding(tmp_path, "configuration")
    assert (found.status, found.command) == ("fix", None)
    assert found.found.startswith(f"{tmp_path / 'configuration.json'}: ")
    assert found.found.endswith(" (`config` cannot fix that: edit it by hand)")


def test_misses_are_no_defect(tmp_path: Path) -> None:
    for queue, files, sentence in (
        ("MissQueue", 2, "2 misses for the next redrive"),
        ("ParkedQueue", 1, "1 miss parked, which no run collects; 2 wait"),
    ):
        folder = tmp_path / "queues" / queue
        folder.mkdir(parents=True)
        for number in range(files):
            (folder / f"{number}.json").write_text(json.dumps({"message_id": str(number), "body": "{}", "sent_at": 0}))
        found = finding(tmp_path, "misses")
        assert (found.status, found.found) == ("note", sentence)
        assert str(found.command).endswith(f" misses --state-dir {tmp_path}")


def test_messages_that_cannot_be_read_are_a_defect(tmp_path: Path) -> None:
    queue = tmp_path / "queues" / "MissQueue"
    queue.mkdir(parents=True)
    for number in range(3):
        (queue / f"{number}.json").write_text('{"bo')
    found = finding(tmp_path, "misses")
    assert (found.status, found.found) == ("fix", "3 message files cannot be read")
    assert str(found.command).endswith(f" misses --state-dir {tmp_path}")
    shutil.rmtree(queue)
    queue.touch()
    assert finding(tmp_path, "misses") == fix(f"{queue} cannot be read (Not a directory)")


def printed(capsys: pytest.CaptureFixture[str], *found: Finding, as_json: bool = False) -> tuple[int, str]:
    code = checks.shown((Check(f"check {n}", each) for n, each in enumerate(found)), as_json=as_json)
    return code, capsys.readouterr().out


def test_a_line_for_each_check_and_the_command_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, ok("fine"), note("later", "do that")) == (
        0,
        "ok  check 0: fine\n--  check 1: later\n      do that\n",
    )
    assert printed(capsys, ok("fine"), fix("bad")) == (1, "ok  check 0: fine\n!!  check 1: bad\n")


def test_what_is_found_never_controls_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = printed(capsys, fix("a\x1b[31m\nb", "c\x1b[0m\nd"))
    assert len(out.splitlines()) == 2
    assert "\x1b" not in out


def test_what_is_pasted_keeps_its_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = printed(capsys, fix("no 'my  list'", "sites FILE --state-dir 'my  double'"))
    assert out == "!!  check 0: no 'my  list'\n      sites FILE --state-dir 'my  double'\n"


def test_findings_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = printed(capsys, ok("fine"), fix("bad", "do that"), as_json=True)
    assert (code, json.loads(out)) == (
        1,
        [
            {"check": "check 0", "status": "ok", "found": "fine", "command": None},
            {"check": "check 1", "status": "fix", "found": "bad", "command": "do that"},
        ],
    )


def test_a_finding_is_printed_before_the_next_check_begins(capsys: pytest.CaptureFixture[str]) -> None:
    def found() -> Iterator[Check]:
        yield Check("first", ok("fine"))
        assert capsys.readouterr().out == "ok  first: fine\n"
        yield Check("second", ok("fine"))

    assert checks.shown(found(), as_json=False) == 0


def test_what_cannot_be_found_out_is_a_note() -> None:
    def refused() -> Finding:
        raise InvalidInput("--stack: AWS did not answer: a timeout")

    (found,) = checks.looked({"mail": refused})
    assert found == Check("mail", note("not known: AWS did not answer: a timeout"))


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
    assert laptop_checks.uv(machine / "project") == Finding("ok", "0.8.15 (uv)")


def test_a_shim_that_fails_and_a_uv_that_is_too_old_are_passed_over(machine: Path) -> None:
    plant(machine / "bin" / "uv", "pyenv: uv: command not found", code=127)
    plant(machine / "project" / ".uv" / "bin" / "uv", "uv 0.8.9")
    good = plant(machine / "home" / ".cargo" / "bin" / "uv", "uv 0.10.0")
    assert laptop_checks.uv(machine / "project") == Finding("ok", f"0.10.0 ({good})")


def test_a_uv_that_is_too_old_is_named(machine: Path) -> None:
    plant(machine / "bin" / "uv", "uv 0.8.9 (0123456 2025-08-12)")
    sentence = "uv is 0.8.9; 0.8.15 or later is needed"
    assert laptop_checks.uv(machine / "project") == Finding("fix", sentence, in_project(machine, "make uv"))


def test_without_uv_make_installs_it(machine: Path) -> None:
    sentence = "not found; 0.8.15 or later is needed"
    assert laptop_checks.uv(machine / "project") == Finding("fix", sentence, in_project(machine, "make uv"))


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
    found = laptop_checks.python(machine / "project", running)
    assert (found.status, found.command) == (
        status,
        None if status == "ok" else in_project(machine, "uv sync --locked --inexact"),
    )


def test_the_packages_of_this_environment_are_as_uv_locked_them() -> None:
    assert laptop_checks.packages() == Finding("ok", "as in uv.lock")


def test_packages_that_uv_would_install_are_named(tmp_path: Path) -> None:
    found = laptop_checks.packages(environment=str(tmp_path / "venv"))
    assert (found.status, found.command) == ("fix", laptop_checks._sync(ROOT))
    assert re.fullmatch(r"not as in uv.lock: (\+ \S+==\S+, ){2}\+ \S+==\S+ and \d+ more", found.found), found.found
    assert not (tmp_path / "venv").exists()


def test_without_uv_the_packages_are_not_compared(machine: Path) -> None:
    found = laptop_checks.packages(machine / "project")
    assert (found.status, found.found.partition(":")[0]) == ("note", "not known")


@pytest.mark.parametrize(("program", "check"), [("make", laptop_checks.make), ("sam", laptop_checks.sam)])
def test_a_program_on_the_path(machine: Path, program: str, check: object) -> None:
    assert callable(check)
    missing = check()
    assert (missing.status, missing.found.partition(";")[0]) == ("note", "not found")
    assert check() == missing
    planted = plant(machine / "bin" / program)
    assert check() == Finding("ok", str(planted))


def test_make_is_installed_by_what_this_machine_has(machine: Path) -> None:
    assert laptop_checks.make().command is None
    plant(machine / "bin" / "apt-get")
    assert laptop_checks.make().command == "sudo apt-get install make"


def test_sam_is_installed_by_the_uv_that_was_found(machine: Path) -> None:
    uv = plant(machine / "my project" / ".uv" / "bin" / "uv", "uv 0.9.0")
    assert laptop_checks.sam(machine / "my project").command == f"'{uv}' tool install aws-sam-cli"


def test_the_aws_command_is_suggested_only_where_there_is_one(machine: Path) -> None:
    assert laptop_checks.aws_credentials().command == "export AWS_ACCESS_KEY_ID=AKIA… AWS_SECRET_ACCESS_KEY=…"
    plant(machine / "bin" / "aws")
    assert laptop_checks.aws_credentials().command == "aws configure"


def test_aws_credentials_are_found_where_boto3_finds_them(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert laptop_checks.aws_credentials().status == "note"
    (machine / "home" / ".aws").mkdir()
    (machine / "home" / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = secret\n"
    )
    found = laptop_checks.aws_credentials()
    assert found == Finding("ok", "found (shared-credentials-file); `doctor --stack NAME` tries them")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert laptop_checks.aws_credentials().found.startswith("found (env)")


def test_a_profile_that_does_not_exist(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setenv("AWS_PROFILE", "other")
    (found,) = looked({"aws credentials": laptop_checks.aws_credentials})
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
    found = laptop_checks.api_key(environment)
    assert (found.status, found.command) == (status, command)
    assert says in found.found
    assert "SECRET" not in found.found
