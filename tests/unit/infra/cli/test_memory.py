"""`nightfold memory`: what a site was offered before, real and simulated apart, and forgetting it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from infra.cli.main import BAD_INPUT, main
from nightfold.memory import Memory, read_memory
from nightfold.storage import memory_key
from tests.support.stored_runs import STARTED

CANDIDATES, REFRESH = memory_key("harbour", "article_candidates"), memory_key("harbour", "articles_to_refresh")


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    memory = Memory().with_run("night-1", STARTED, ["Disks", "Backups"], simulated=False)
    memory = memory.with_run("night-2", STARTED + timedelta(days=1), ["Cold\x1b[31m starts"], simulated=False)
    memory = memory.with_run("tried", STARTED, ["Made up"], simulated=True)
    for key, document in ((CANDIDATES, memory), (REFRESH, Memory().with_run("r", STARTED, ["Old"], simulated=False))):
        (tmp_path / key).parent.mkdir(parents=True)
        (tmp_path / key).write_text(document.model_dump_json())
    return tmp_path


def memory_of(state_dir: Path, key: str) -> list[list[str]]:
    memory = read_memory((state_dir / key).read_bytes())
    assert memory is not None
    return [[each.heading for each in memory.of(simulated=simulated)] for simulated in (False, True)]


def command(state_dir: Path, *options: str) -> int:
    return main(["memory", "harbour", *options, "--state-dir", str(state_dir)])


def test_it_lists_the_newest_first_by_question_and_kind(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(state_dir) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line and not line.startswith("WHEN")]
    assert [line.partition("  ")[2].strip() if line.startswith("20") else line for line in lines] == [
        "article_candidates: 3 headings",
        "night-2  Cold [31m starts",
        "night-1  Backups",
        "night-1  Disks",
        "article_candidates: 1 heading, simulated",
        "tried  Made up",
        "articles_to_refresh: 1 heading",
        "r    Old",
    ]


def test_as_json_it_has_what_is_stored(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(state_dir, "--question", "articles_to_refresh", "--json") == 0
    (part,) = json.loads(capsys.readouterr().out)
    assert part == {
        "question": "articles_to_refresh",
        "simulated": False,
        "headings": [{"heading": "Old", "run_id": "r", "at": "2026-11-23T03:15:07Z"}],
    }


@pytest.mark.parametrize(
    ("options", "candidates", "refresh"),
    [
        ([], [[], []], [[], []]),
        (["--kind", "real"], [[], ["Made up"]], [[], []]),
        (["--kind", "simulated"], [["Disks", "Backups", "Cold\x1b[31m starts"], []], [["Old"], []]),
        (["--question", "article_candidates"], [[], []], [["Old"], []]),
    ],
)
def test_only_what_was_chosen_is_forgotten(
    options: list[str], candidates: list[list[str]], refresh: list[list[str]], state_dir: Path
) -> None:
    assert command(state_dir, "--forget", "--yes", *options) == 0
    assert memory_of(state_dir, CANDIDATES) == candidates
    assert memory_of(state_dir, REFRESH) == refresh


def test_a_memory_that_cannot_be_read_is_shown_as_such_and_set_aside(
    state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (state_dir / REFRESH).write_text("{")
    assert command(state_dir, "--question", "articles_to_refresh") == 0
    assert "its memory cannot be read" in capsys.readouterr().out
    assert command(state_dir, "--question", "articles_to_refresh", "--forget", "--yes") == 0
    assert not (state_dir / REFRESH).exists()
    assert [path.read_text() for path in (state_dir / "corrupt").rglob("memory.json")] == ["{"]
    assert "it is kept as" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("site", "code", "words"),
    [
        ("harbor", 0, "Nothing is remembered of harbor. Did you mean harbour?\n"),
        ("meadow", 0, "Nothing is remembered of meadow.\n"),
        ("../harbour", BAD_INPUT, "memory: '../harbour' must be lower-case letters, digits and dashes"),
    ],
)
def test_a_site_without_a_memory(
    site: str, code: int, words: str, state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", site, "--forget", "--yes", "--state-dir", str(state_dir)]) == code
    assert words in capsys.readouterr().err


def test_a_memory_through_a_link_is_not_one_of_the_site(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (state_dir / "sites/meadow").symlink_to("harbour")
    assert main(["memory", "meadow", "--state-dir", str(state_dir)]) == 0
    assert capsys.readouterr().out == ""
