"""`kill -9` at any moment. `make chaos` kills more often; NIGHTFOLD_KILLS sets how often this test does."""

import os
from pathlib import Path

from tests.chaos.kill import Killer

KILLS = int(os.environ.get("NIGHTFOLD_KILLS", "8"))


def test_a_killed_run_loses_no_site_and_pays_for_no_stored_answer_again(tmp_path: Path) -> None:
    with Killer(tmp_path, seed=11) as killer:
        for _ in range(KILLS):
            killer.kill_one()
    assert killer.counted["runs killed"] >= KILLS / 2, "most runs ended before they were killed"
    assert killer.counted["stored answers at the kills"] > 0
