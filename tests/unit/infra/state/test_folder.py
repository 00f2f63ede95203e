"""infra/state/folder.py: the collector's lines about one run."""

from pathlib import Path

from infra.state.folder import LocalEvidence

LINES = """\
{"message":"collect","run_id":"smoke-1","site_id":"harbour"}
[ERROR] Overloaded: smoke-1
{"message":"collect","run_id":"smoke-10","site_id":"harbour"}
{"message":"collect","run_id":"smoke-1","site_id":"orchard"}
{"cut short, "run_id":"smoke-1"
"""


def test_lines_of_another_run_and_lines_that_are_cut_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "Collector.log").write_text(LINES)
    assert LocalEvidence(tmp_path).logged("smoke-1") == 2


def test_a_state_directory_without_runs_has_none(tmp_path: Path) -> None:
    evidence = LocalEvidence(tmp_path)
    assert (evidence.logged("smoke-1"), evidence.waiting(), evidence.late_s) == (0, 0, 0)
