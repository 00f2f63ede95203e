"""What every command that changes a state directory keeps to: it asks first, and changes nothing that a run uses."""

import io
from pathlib import Path

import pytest

from infra.cli.main import BAD_INPUT, main
from infra.state.directory import StateDirectory
from nightfold.memory import Memory
from nightfold.storage import memory_key
from tests.support.stored_runs import STARTED
from tests.unit.infra.cli.answered import typed
from tests.unit.infra.cli.test_parked import parked

CHANGES = {  # the command, what it asks, and what it says after a no
    "config": (("config", "remember=7"), "Write this to {}/configuration.json?", "Nothing was changed."),
    "sites": (("sites", "events/sites.json"), "Write this to {}/sites.json?", "Nothing was changed."),
    "memory": (
        ("memory", "harbour", "--forget"),
        "1 real heading (article_candidates), 1 simulated heading (article_candidates), 1 real",
        "Nothing was forgotten.",
    ),
    "unpark": (("unpark",), "3 misses of harbour, orchard: collect again in the next redrive?", "No miss was moved."),
    "drop": (("drop", "harbour"), "2 misses of harbour: delete?", "No miss was dropped."),
}


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A state directory with something that each of the commands would change."""
    (tmp_path / "configuration.json").write_text('{"remember": 0}')
    (tmp_path / "sites.json").write_text('[{"site_id": "a", "domain": "a.example"}]')
    real = Memory().with_run("night", STARTED, ["Disks"], simulated=False)
    both = real.with_run("tried", STARTED, ["Made up"], simulated=True)
    for question, memory in (("article_candidates", both), ("articles_to_refresh", real)):
        file = tmp_path / memory_key("harbour", question)
        file.parent.mkdir(parents=True)
        file.write_text(memory.model_dump_json())
    parked(tmp_path)
    return tmp_path


def documents(state_dir: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in state_dir.rglob("*.json") if path.name != "state.json"}


def run(state_dir: Path, *command: str) -> int:
    return main([*command, "--state-dir", str(state_dir)])


@pytest.mark.parametrize("answer", ["y\n", "n\n", "\n"])
@pytest.mark.parametrize(("command", "question", "after_a_no"), CHANGES.values(), ids=CHANGES)
def test_without_yes_it_asks_first(
    state_dir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    question: str,
    after_a_no: str,
    answer: str,
) -> None:
    before = documents(state_dir)
    typed(monkeypatch, answer)
    assert run(state_dir, *command) == 0
    printed = capsys.readouterr()
    assert question.format(state_dir) in printed.err
    assert "[y/N]" in printed.err
    agreed = answer == "y\n"
    assert (after_a_no not in printed.err, printed.out != "", documents(state_dir) != before) == (agreed,) * 3


@pytest.mark.parametrize("command", [command for command, *_ in CHANGES.values()], ids=CHANGES)
def test_without_a_terminal_it_needs_yes(
    state_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    before = documents(state_dir)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert run(state_dir, *command) == BAD_INPUT
    complaint = f"{command[0]}: stdin is not a terminal, so nothing can be confirmed; add --yes"
    assert complaint in capsys.readouterr().err
    assert documents(state_dir) == before


def test_while_a_run_uses_the_directory_everything_is_shown_and_nothing_changed(
    state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, state = documents(state_dir), StateDirectory(state_dir).open()
    for reading in (("config",), ("sites",), ("memory", "harbour"), ("misses",)):
        assert run(state_dir, *reading) == 0
        assert capsys.readouterr().out
    for command, *_ in CHANGES.values():
        assert run(state_dir, *command, "--yes") == BAD_INPUT
        assert "Another Nightfold process" in capsys.readouterr().err
    state.close()
    assert documents(state_dir) == before
