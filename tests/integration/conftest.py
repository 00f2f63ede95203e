"""What several of these tests share."""

from collections.abc import Iterator

import pytest

from infra.cloud.embedded import Cloud
from tests.integration.command_line import ROOT, nightfold
from tests.integration.served_stack import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """After three runs and two redrives: some sites were accepted three times, one miss waits, one is parked."""
    state_dir = tmp_path_factory.mktemp("stack") / "state"
    for command in ("run", "run", "redrive", "redrive", "run"):
        scenario = ROOT / "events" / "scenario.json"
        made = nightfold(command, "--scenario", scenario, "--speed", "100", "--quiet", "--state-dir", state_dir)
        assert made.code in {1, 2}
    with Cloud(state_dir, parameters={"MessagesApi": "simulated"}) as cloud, cloud.serve() as url:
        yield Served(cloud, state_dir, url)
