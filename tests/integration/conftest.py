"""What several of these tests share. A process has one embedded cloud at a time: a module uses `served` or `fresh`."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.command_line import ROOT, Finished, nightfold
from tests.integration.served_stack import Served, serving


@pytest.fixture(scope="session")
def some_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory after three runs and two redrives: some sites were accepted three times, one miss waits, one is
    parked."""
    state_dir = tmp_path_factory.mktemp("runs") / "state"
    for command in ("run", "run", "redrive", "redrive", "run"):
        scenario = ROOT / "events" / "scenario.json"
        made = nightfold(command, "--scenario", scenario, "--speed", "100", "--quiet", "--state-dir", state_dir)
        assert made.code in {1, 2}
    return state_dir


@pytest.fixture(scope="module")
def served(some_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(some_runs, tmp_path_factory.mktemp("stack") / "state") as served:
        yield served


@pytest.fixture
def fresh(some_runs: Path, tmp_path: Path) -> Iterator[Served]:
    """Such a stack for one test, which may change it."""
    with serving(some_runs, tmp_path / "state") as served:
        yield served


@pytest.fixture
def copy(some_runs: Path, tmp_path: Path) -> Callable[..., Finished]:
    """A command on a state directory like that of the stack at its beginning."""
    shutil.copytree(some_runs, tmp_path / "copy")
    return lambda *command: nightfold(*command, "--state-dir", tmp_path / "copy")
