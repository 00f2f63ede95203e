"""infra/cli/report_pages.py: the pages of a state directory."""

import json
import resource
import shutil
from pathlib import Path

import pytest
from markupsafe import escape

from infra.cli import report_pages
from infra.cli.invocation import program_anywhere
from infra.cli.laptop import Laptop
from infra.cli.main import main
from infra.cli.run_names import closed_runs
from infra.state.folder import Folder
from nightfold.errors import InvalidInput
from tests.support.stored_runs import MemoryBucket, partial, store_run

RUN = "nightly-2026-11-23"


def as_files(folder: Path, shelf: MemoryBucket) -> Path:
    for key, content in shelf.objects.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)
    return folder


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return as_files(tmp_path, partial())


def test_by_default_it_is_the_newest_run_and_its_page_is_rendered(state_dir: Path) -> None:
    page = report_pages.page_of(Laptop(state_dir), "latest")
    assert page == state_dir / "runs" / RUN / "digest.html"
    assert "3 of 4 sites are in." in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("simulated", "command"), [(False, "redrive"), (True, "redrive --simulate")])
def test_the_command_on_the_page_takes_misses_of_its_kind(tmp_path: Path, simulated: bool, command: str) -> None:
    shelf = MemoryBucket()
    store_run(shelf, {"harbour": ["Refused"]}, simulated=simulated)
    page = report_pages.page_of(Laptop(as_files(tmp_path, shelf)), "latest").read_text()
    assert f"{escape(program_anywhere())} {command} --state-dir {tmp_path}</code>" in page


def test_an_existing_page_is_not_rendered_again(state_dir: Path) -> None:
    page = state_dir / "runs" / RUN / "digest.html"
    page.write_text("unchanged")
    assert report_pages.page_of(Laptop(state_dir), RUN).read_text() == "unchanged"


def test_half_a_page_is_not_taken_for_one(state_dir: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))  # bytes of a file: the disk is full
    try:
        with pytest.raises(OSError, match="File too large"):
            report_pages.page_of(Laptop(state_dir), RUN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert report_pages.page_of(Laptop(state_dir), RUN).read_text().endswith("</html>")


def test_a_copied_folder_is_not_listed_as_a_run_of_its_own(state_dir: Path) -> None:
    before = closed_runs(Folder(state_dir))
    for copy in ("a copy", f"{RUN}.backup"):
        shutil.copytree(state_dir / "runs" / RUN, state_dir / "runs" / copy)
    assert closed_runs(Folder(state_dir)) == before


@pytest.mark.parametrize(
    ("run_id", "words"),
    [
        ("nothing-like-it", "there is no run 'nothing-like-it'"),
        ("dead", "stopped before it finished"),
        ("torn", "cannot be rendered"),
    ],
)
def test_a_page_that_cannot_be_shown_is_refused_with_the_reason(state_dir: Path, run_id: str, words: str) -> None:
    (state_dir / "runs/dead").mkdir()
    (state_dir / "runs/torn").mkdir()
    (state_dir / "runs/torn/summary.json").write_text("{}")
    with pytest.raises(InvalidInput, match=words):
        report_pages.page_of(Laptop(state_dir), run_id)


def test_a_state_directory_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has no closed run yet"):
        report_pages.page_of(Laptop(tmp_path), "latest")
    assert report_pages.as_text([], None) == ["No run has closed yet."]


def test_the_command_prints_the_address_and_lists_the_newest_first(
    state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--state-dir", str(state_dir)]) == 0
    assert capsys.readouterr().out == f"{(state_dir / 'runs' / RUN / 'digest.html').as_uri()}\n"
    assert main(["report", "--list", "--state-dir", str(state_dir)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines] == ["RUN", RUN, *(f"nightly-2026-11-{day}" for day in (22, 21, 20))]
    assert main(["report", "--list", "--json", "--state-dir", str(state_dir)]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4
    assert main(["report", "nightly", "--state-dir", str(state_dir)]) == 64
    assert "the names of 4 runs begin with 'nightly'" in capsys.readouterr().err


def test_the_list_says_of_a_simulated_run_that_it_was_not_paid_for(tmp_path: Path) -> None:
    shelf = MemoryBucket()
    store_run(shelf, {"harbour": ["ok"]}, simulated=True)
    [run] = closed_runs(Folder(as_files(tmp_path, shelf)))
    _, row = report_pages.as_text([run], None)
    assert "simulated" in row
    assert "$" not in row
    assert json.loads(report_pages.as_json([run]))[0]["simulated"] is True


def test_in_eighty_columns_a_duration_is_whole(tmp_path: Path) -> None:
    shelf = MemoryBucket()
    store_run(shelf, {"harbour": ["ok"]}, run_id="manual-20261130T111208Z-421b", simulated=True)
    [run] = closed_runs(Folder(as_files(tmp_path, shelf)))
    large = run.model_copy(update={"planned": 10_000, "accepted": 9_800, "duration_s": 3_599})
    _, row = report_pages.as_text([large], 80)
    assert "59 min 59 s" in row
    assert len(row) <= 80


def test_a_browser_is_given_the_address(tmp_path: Path) -> None:
    asked: list[str] = []
    assert not report_pages.open_page(tmp_path / "digest.html", asked.append)
    assert asked == [(tmp_path / "digest.html").as_uri()]


def test_the_text_is_the_runs_message_with_the_page_as_a_file(
    state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--text", RUN, "--state-dir", str(state_dir)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("3 of 4 sites are in.\n")
    page = (state_dir / "runs" / RUN / "digest.html").as_uri()
    assert printed.endswith(f"The page, with everything:\n{page}\n")
    assert "aws s3" not in printed


@pytest.mark.parametrize("other", ["--json", "--list"])
def test_the_text_is_not_combined_with_another_output(
    state_dir: Path, capsys: pytest.CaptureFixture[str], other: str
) -> None:
    assert main(["report", "--text", other, "--state-dir", str(state_dir)]) == 64
    assert "--text cannot be combined with --json or --list" in capsys.readouterr().err


def test_the_text_of_a_run_whose_records_are_damaged_is_refused(
    state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (state_dir / "runs" / RUN / "digest.html").write_text("an old page")
    (state_dir / "runs" / RUN / "summary.json").write_text("{}")
    assert main(["report", "--text", RUN, "--state-dir", str(state_dir)]) == 64
    assert f"the text of {RUN} cannot be rendered" in capsys.readouterr().err
