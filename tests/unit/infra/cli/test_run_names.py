"""infra/cli/run_names.py: what a user can type for a run."""

import shutil
from pathlib import Path

import pytest

from infra.cli.laptop import Laptop
from infra.cli.run_names import run_named
from nightfold.errors import InvalidInput
from tests.support.stored_runs import partial
from tests.unit.infra.cli.test_report_pages import RUN, as_files


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    as_files(tmp_path, partial())  # nightly-2026-11-20 to -23
    for name in ("dead-run", "dead-run-2"):
        (tmp_path / "runs" / name).mkdir()
    shutil.copytree(tmp_path / "runs" / RUN, tmp_path / "runs" / f"{RUN}.backup")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "run"),
    [
        (RUN, RUN),
        ("latest", RUN),
        ("nightly-2026-11-20", "nightly-2026-11-20"),
        ("dead-run", "dead-run"),  # also the beginning of another name
        ("dead-run-", "dead-run-2"),
        (f"{RUN}.backup", f"{RUN}.backup"),
    ],
)
def test_a_run_is_named_by_its_name_its_beginning_or_latest(state_dir: Path, name: str, run: str) -> None:
    assert run_named("report", name, Laptop(state_dir)) == run


def test_a_copied_folder_does_not_make_a_beginning_ambiguous(state_dir: Path) -> None:
    for day in (20, 21, 22):
        shutil.rmtree(state_dir / "runs" / f"nightly-2026-11-{day}")
    assert run_named("report", "night", Laptop(state_dir)) == RUN


def test_a_run_that_is_called_latest_is_found_by_its_name(state_dir: Path) -> None:
    (state_dir / "runs/latest").mkdir()
    assert run_named("report", "latest", Laptop(state_dir)) == "latest"


def test_an_ambiguous_beginning_lists_the_runs(state_dir: Path) -> None:
    days = ", ".join(f"nightly-2026-11-{day}" for day in range(20, 24))
    with pytest.raises(InvalidInput) as refused:
        run_named("report", "nightly", Laptop(state_dir))
    assert str(refused.value) == f"report: the names of 4 runs begin with 'nightly': {days}"


def test_of_many_runs_five_are_listed(state_dir: Path) -> None:
    for number in range(1, 8):
        (state_dir / f"runs/noon-{number}").mkdir()
    with pytest.raises(InvalidInput, match=r"7 runs begin with 'noon': noon-1, .*noon-5 and 2 more$"):
        run_named("report", "noon", Laptop(state_dir))


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("nightly-2026-11-32", "; the nearest is 'nightly-2026-11-23'"),
        ("latets", "; the nearest is 'latest'"),
        ("qqq", ""),
        ("", ""),
        ("..", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(state_dir: Path, name: str, end: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        run_named("report", name, Laptop(state_dir))
    assert str(refused.value).startswith(f"report: there is no run {name!r} in {state_dir}; `")
    assert str(refused.value).endswith(f" report --list --state-dir {state_dir}` lists them{end}")


def test_without_closed_runs_there_is_no_latest(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has no closed run yet"):
        run_named("report", "latest", Laptop(tmp_path / "none"))
