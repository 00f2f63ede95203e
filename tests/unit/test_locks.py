"""What builds the project and what checks it is locked with hashes: nothing is taken in whatever version there is."""

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKED = {package["name"] for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
LINTERS = ROOT / "infra/packaging/linters"


def test_what_builds_the_project_is_in_the_lock_and_not_in_an_isolated_build() -> None:
    assert set(PROJECT["build-system"]["requires"]) == {"hatchling"} <= LOCKED
    assert PROJECT["tool"]["uv"]["no-build-isolation-package"] == [PROJECT["project"]["name"]]
    assert [each for each in PROJECT["dependency-groups"]["local"] if "hatchling" in each], (
        "the group of every `uv run`"
    )


def test_python_linters_are_in_a_lock() -> None:
    assert {"bandit", "cfn-lint", "ruff", "mypy"} <= LOCKED
    requirements = re.split(r"\n(?=[a-z])", (LINTERS / "checkov.txt").read_text())[1:]
    assert len(requirements) >= 50
    assert [each for each in requirements if "--hash=sha256:" not in each] == []


def test_npm_linters_are_in_a_lock_with_their_integrity() -> None:
    packages = json.loads((LINTERS / "package-lock.json").read_text())["packages"]
    named = json.loads((LINTERS / "package.json").read_text())["dependencies"]
    assert packages.pop("")["dependencies"] == named
    assert len(packages) > len(named) >= 2
    assert [name for name, each in packages.items() if not each["integrity"].startswith("sha512-")] == []


def test_no_command_takes_a_tool_that_is_not_locked() -> None:
    commands = [ROOT / "Makefile", ROOT / ".ci/run", *(ROOT / "infra/packaging").glob("*.py")]
    assert len(commands) >= 8
    for file in commands:
        assert not re.search(r"\btool run\b|\buvx\b|\bnpx\b|\bnpm install\b", file.read_text()), file
