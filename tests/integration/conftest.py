"""What several of these tests share. A process has one embedded cloud at a time: a module uses `served` or `fresh`."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import anthropic
import pytest

from infra.cli.local_run import put_site_list
from infra.cli.run_request import run_name
from infra.messages_api.scenario import Scenario
from tests.integration.command_line import ROOT, Finished, nightfold
from tests.integration.served_stack import Served, serving, simulated_stack
from tests.support.clouds import PATIENCE_S


@pytest.fixture(scope="session")
def some_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory after three runs and two redrives: some sites were accepted three times, one miss waits, one is
    parked."""
    state_dir = tmp_path_factory.mktemp("runs") / "state"
    with simulated_stack(
        state_dir, Scenario(sites={"orchard": [529], "lantern": ["wrong_shape"], "meadow": ["prose"] * 10})
    ) as made:
        put_site_list(made.cloud, (ROOT / "events" / "sites.json").read_bytes())
        for mode in ("collect", "collect", "redrive", "redrive", "collect"):
            name = run_name({"collect": "manual"}.get(mode, mode))
            ended = made.cloud.wait(made.cloud.start({"mode": mode}, name), timeout=PATIENCE_S)
            assert (ended.status, len(list(state_dir.glob(f"runs/{name}/summary.json")))) == ("SUCCEEDED", 1)
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


@pytest.fixture(scope="session")
def sdk() -> Iterator[anthropic.Anthropic]:
    """The real SDK, which makes no retries of its own here."""
    with anthropic.Anthropic(api_key="sk-any", max_retries=0, timeout=PATIENCE_S) as client:
        yield client
