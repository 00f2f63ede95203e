"""The Makefile: which exit codes it passes on, what it installs, and what `make help` lists."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.command_line import ROOT
from tests.support.clouds import PATIENCE_S

TARGETS = re.compile(r"^([a-z0-9-]+):.*##", re.MULTILINE)


def make(*arguments: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    # `make test` hands its own flags and level on, and a make inside a make says which folder it enters.
    outer = {name for name in os.environ if name.startswith("MAKE") or name == "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    return subprocess.run(  # noqa: S603
        ["make", *map(str, arguments)],  # noqa: S607
        cwd=cwd,
        env={**environment, "PWD": str(cwd), **more},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose uv installs a nightfold that exits with $NIGHTFOLD_ENDS. With $UV_ENDS uv itself fails.

    The script begins as uv writes it where the path has a space: for sh, which sets its own PWD.
    """
    project = tmp_path / "a project"
    (project / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "uv.lock", ".python-version"):
        shutil.copy(ROOT / name, project)
    (project / "bin" / "nightfold").write_text(
        f"""#!/bin/sh
'''exec' '{sys.executable}' "$0" "$@"
' '''
import os, sys
print(os.environ["PWD"] + ":", *sys.argv[1:])
sys.exit(int(os.environ["NIGHTFOLD_ENDS"]))
"""
    )
    (project / "bin" / "uv").write_text(
        """#!/bin/bash
[ "$1" != --version ] || { echo "uv 99.0.0"; exit 0; }
echo "uv $@"
[ -z "$UV_ENDS" ] || { echo "error: uv.lock is out of date" >&2; exit "$UV_ENDS"; }
mkdir -p .venv/bin && cp bin/nightfold .venv/bin && ln -sf "$PYTHON" .venv/bin/python
"""
    )
    for program in (project / "bin").iterdir():
        program.chmod(0o755)
    return project


def run(project: Path, *arguments: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{project / 'bin'}:{os.environ['PATH']}"
    return make(*arguments, "run", cwd=cwd or project, PATH=path, PYTHON=sys.executable, **more)


@pytest.mark.parametrize(("ends", "fails"), [("0", False), ("2", False), ("1", True), ("64", True), ("130", True)])
def test_a_partial_run_does_not_fail_make(project: Path, ends: str, fails: bool) -> None:
    assert bool(run(project, NIGHTFOLD_ENDS=ends).returncode) == fails


def test_a_failure_of_uv_fails_make_although_its_exit_code_is_2_too(project: Path) -> None:
    failed = run(project, UV_ENDS="2", NIGHTFOLD_ENDS="0")
    assert failed.returncode != 0
    assert "run\n" not in failed.stdout
    assert "uv.lock is out of date" in failed.stderr


def test_packages_are_installed_and_compiled_once(project: Path) -> None:
    first, second = run(project, NIGHTFOLD_ENDS="0"), run(project, NIGHTFOLD_ENDS="0")
    assert "uv sync --quiet --locked --inexact --compile-bytecode" in first.stdout
    assert "Setting up Python 3.13 and the packages" in first.stderr
    assert (second.stdout, second.stderr) == (f"{project}: run\n", "")
    os.utime(project / "uv.lock")
    assert "uv sync" in run(project, NIGHTFOLD_ENDS="0").stdout


def test_the_users_folder_is_passed_on_after_make_changes_it(project: Path) -> None:
    elsewhere = run(project, "-s", "-C", str(project), cwd=project.parent, NIGHTFOLD_ENDS="0")
    assert elsewhere.stdout.splitlines()[-1] == f"{project.parent}: run"


def test_help_lists_every_described_target() -> None:
    listed = re.findall(r"^ +make (\S+)", make("help", cwd=ROOT).stdout, re.MULTILINE)
    described = TARGETS.findall((ROOT / "Makefile").read_text())
    assert {"run", "e2e", "bench"} <= set(described)
    assert listed == described
