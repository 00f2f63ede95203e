"""infra/cli/unfinished_runs.py: what the command line reports about run folders matches what the planner does."""

import json
import shutil
from pathlib import Path

import pytest

from infra.cli.laptop import Laptop
from infra.cli.main import main
from infra.cli.unfinished_runs import PassedOver, UnfinishedRun, why_set_aside
from infra.state.folder import Folder
from tests.unit.examples import STARTED, plan


def died(state_dir: Path, run_id: str) -> Path:
    folder = state_dir / "runs" / run_id
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(plan("harbour", run_id=run_id).model_dump_json())
    return folder


def set_aside(folder: Path, error: str) -> None:
    document = {
        "schema_version": 1,
        "run_id": folder.name,
        "execution_id": "of a morning",
        "set_aside_at": STARTED.isoformat(),
        "failure": {"Error": error},
    }
    (folder / "unclosable.json").write_text(json.dumps(document))


def test_copies_and_other_folders_are_passed_over_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = died(tmp_path, "dead")
    for name in ("dead.backup", "dead (copy)"):
        shutil.copytree(dead, dead.with_name(name))
    (tmp_path / "runs" / "a file").write_text("")
    assert [run.run_id for run in Laptop(tmp_path).open_runs() if isinstance(run, UnfinishedRun)] == ["dead"]
    assert [(each.name, each.why) for each in Laptop(tmp_path).open_runs() if isinstance(each, PassedOver)] == [
        ("dead (copy)", "its name is not a run id"),
        ("dead.backup", "its plan.json is that of run dead, so it is a copy"),
    ]
    for command in (["misses"], ["redrive", "--dry-run"]):
        assert main([*command, "--state-dir", str(tmp_path)]) == 0
        said = capsys.readouterr().err
        assert "runs/dead (copy) is skipped: its name is not a run id." in said
        assert "runs/dead.backup is skipped: its plan.json is that of run dead, so it is a copy." in said


def test_a_run_that_could_not_be_closed_is_reported_until_it_is_tried_again(tmp_path: Path) -> None:
    folder = died(tmp_path, "poisoned")
    set_aside(folder, "Sandbox.Timedout")
    assert not [run for run in Laptop(tmp_path).open_runs() if isinstance(run, UnfinishedRun)]
    [passed_over] = Laptop(tmp_path).open_runs()
    assert isinstance(passed_over, PassedOver)
    assert passed_over.why == why_set_aside(Folder(tmp_path), "poisoned")
    assert "could not be closed (Sandbox.Timedout)" in passed_over.why
    set_aside(folder, "AwsUnavailable")
    assert [run.run_id for run in Laptop(tmp_path).open_runs() if isinstance(run, UnfinishedRun)] == ["poisoned"], (
        "the next redrive tries it again"
    )
    (folder / "summary.json").write_text("{}")
    assert why_set_aside(Folder(tmp_path), "poisoned") is None


def test_runs_that_the_planner_knows_as_closed_are_closed_here_too(tmp_path: Path) -> None:
    died(tmp_path, "night")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "closed-runs.json").write_text('{"schema_version": 1, "run_ids": ["night"]}')
    assert not [run for run in Laptop(tmp_path).open_runs() if isinstance(run, UnfinishedRun)]
