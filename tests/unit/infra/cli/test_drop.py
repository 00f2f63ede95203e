"""`nightfold drop`: the parked misses of the named sites are deleted, and nothing else is."""

import io
import json
from pathlib import Path

import pytest

from infra.cli.invocation import program
from infra.cli.main import BAD_INPUT, main
from infra.state.directory import StateDirectory
from infra.state.parked_misses import ParkedMessages
from tests.unit.infra.cli.test_unpark import parked, sites, typed
from tests.unit.infra.state.test_queued_misses import miss, put

EVERYTHING = ["-", "harbour", "harbour", "orchard"]


def test_only_the_named_sites_are_dropped_and_only_from_the_parked_queue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parked(tmp_path)
    put(tmp_path, "MissQueue", "e", miss("harbour", attempts=1))
    assert main(["drop", "harbour", "--yes", "--state-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out == "2 misses dropped, 2 still parked\n"
    assert printed.err == "The next nightly run asks these sites again if they are still in the site list.\n"
    assert (sites(tmp_path, "waiting"), sites(tmp_path, "parked")) == (["harbour"], ["-", "orchard"])


def test_json_has_the_shape_of_unpark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for command in ("unpark", "drop"):
        state_dir = tmp_path / command
        parked(state_dir)
        assert main([command, "orchard", "--yes", "--json", "--state-dir", str(state_dir)]) == 0
        shown.append(json.loads(capsys.readouterr().out))
    assert shown[0] == shown[1]
    assert [each["site_id"] for each in shown[1]] == ["orchard"]


@pytest.mark.parametrize(("answer", "left"), [("y\n", ["-", "orchard"]), ("n\n", EVERYTHING), ("\n", EVERYTHING)])
def test_without_yes_it_asks_first(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    left: list[str],
) -> None:
    parked(tmp_path)
    typed(monkeypatch, answer)
    assert main(["drop", "harbour", "--state-dir", str(tmp_path)]) == 0
    assert "2 misses of harbour: delete? [y/N]" in capsys.readouterr().err
    assert sites(tmp_path, "parked") == left


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Missing argument 'SITE...'"),
        (["--yes"], "Missing argument 'SITE...'"),
        (["harbour"], "drop: stdin is not a terminal, so nothing can be confirmed; add --yes"),
        (["harbour", "meadow", "--yes"], "drop: no parked miss of 'meadow'; parked: harbour, orchard"),
    ],
)
def test_what_cannot_be_done_is_refused_and_drops_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    complaint: str,
) -> None:
    parked(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["drop", *arguments, "--state-dir", str(tmp_path)]) == BAD_INPUT
    assert complaint in capsys.readouterr().err
    assert sites(tmp_path, "parked") == EVERYTHING


def test_without_parked_misses_nothing_is_created(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drop", "harbour", "--yes", "--state-dir", str(tmp_path / "none")]) == BAD_INPUT
    assert "no parked miss of 'harbour'; no miss is parked" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_directory_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parked(tmp_path)
    state = StateDirectory(tmp_path).open()
    assert main(["drop", "harbour", "--yes", "--state-dir", str(tmp_path)]) == BAD_INPUT
    state.close()
    assert "is using" in capsys.readouterr().err
    assert sites(tmp_path, "parked") == EVERYTHING


def test_a_miss_that_was_moved_back_in_the_meantime_is_not_reported_as_dropped(tmp_path: Path) -> None:
    parked(tmp_path)
    queue = ParkedMessages(tmp_path)
    chosen = queue.misses()
    queue.unpark({message_id: miss for message_id, miss in chosen.items() if miss.site.site_id == "harbour"})
    assert [each.site.site_id for each in queue.drop(chosen)] == ["orchard"]
    assert sites(tmp_path, "waiting") == ["harbour", "harbour"]


def test_the_list_of_misses_names_both_ways_out_of_the_parked_queue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parked(tmp_path)
    assert main(["misses", "--state-dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [f"{program()} {command} --state-dir {tmp_path}" for command in ("unpark", "drop SITE")]
    assert max(map(len, lines[:-2])) <= 110
