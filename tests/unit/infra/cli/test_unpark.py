"""`nightfold unpark`: parked misses wait again as new ones, and other messages stay parked."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.invocation import program
from infra.cli.laptop import Laptop
from infra.cli.main import BAD_INPUT, main
from infra.cli.redrive_request import request_redrive
from infra.state.directory import StateDirectory
from infra.state.parked_misses import ParkedMessages
from infra.state.queued_misses import read_messages, read_misses
from tests.unit.infra.cli.answered import typed
from tests.unit.infra.state.test_queued_misses import miss, put


def parked(state_dir: Path) -> None:
    for message_id, body in (
        ("a", miss("harbour", attempts=3)),
        ("b", miss("orchard", attempts=3)),
        ("c", miss("harbour", attempts=4)),
        ("d", json.dumps({"explanation": "not a miss of Nightfold: body", "body": "hello"})),
    ):
        put(state_dir, "ParkedQueue", message_id, body)


def sites(state_dir: Path, queue: str) -> list[str | None]:
    return sorted((each.site_id or "-" for each in read_misses(state_dir) if each.queue == queue), key=str)


def test_all_misses_wait_again_with_no_attempts_and_other_messages_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parked(tmp_path)
    before = {each.site.site_id: each for each in ParkedMessages(tmp_path).misses().values()}
    assert main(["unpark", "--yes", "--state-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out == "3 misses moved back, 1 still parked\n"
    assert f"`{program()} redrive --state-dir {tmp_path}` collects the waiting misses." in printed.err
    assert sites(tmp_path, "waiting") == ["harbour", "harbour", "orchard"]
    assert sites(tmp_path, "parked") == ["-"]
    assert {each.attempts for each in read_misses(tmp_path) if each.queue == "waiting"} == {0}
    assert {message.received for message in read_messages(tmp_path, "waiting")} == {0}
    [orchard] = [
        json.loads(message.body) for message in read_messages(tmp_path, "waiting") if "orchard" in message.body
    ]
    assert orchard == before["orchard"].model_copy(update={"attempts": 0}).model_dump(mode="json")


def test_only_the_named_sites_are_moved_and_listed_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parked(tmp_path)
    assert main(["unpark", "orchard", "--yes", "--json", "--state-dir", str(tmp_path)]) == 0
    [moved] = json.loads(capsys.readouterr().out)
    assert moved["site_id"] == "orchard"
    assert (sites(tmp_path, "waiting"), sites(tmp_path, "parked")) == (["orchard"], ["-", "harbour", "harbour"])


@pytest.mark.parametrize(("answer", "moved"), [("y\n", 3), ("n\n", 0), ("\n", 0)])
def test_without_yes_it_asks_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str, moved: int
) -> None:
    parked(tmp_path)
    typed(monkeypatch, answer)
    assert main(["unpark", "--state-dir", str(tmp_path)]) == 0
    assert "3 misses of harbour, orchard: collect again in the next redrive? [y/N]" in capsys.readouterr().err
    assert len(sites(tmp_path, "waiting")) == moved


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "stdin is not a terminal, so nothing can be confirmed; add --yes"),
        (["meadow", "--yes"], "no parked miss of 'meadow'; parked: harbour, orchard"),
    ],
)
def test_what_cannot_be_done_is_refused_and_moves_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    complaint: str,
) -> None:
    parked(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["unpark", *arguments, "--state-dir", str(tmp_path)]) == BAD_INPUT
    assert complaint in capsys.readouterr().err
    assert sites(tmp_path, "waiting") == []


def test_without_parked_misses_nothing_is_created(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unpark", "--state-dir", str(tmp_path / "none")]) == 0
    assert capsys.readouterr().out == "0 misses moved back, 0 still parked\n"
    assert not (tmp_path / "none").exists()


def test_a_directory_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parked(tmp_path)
    state = StateDirectory(tmp_path).open()
    assert main(["unpark", "--yes", "--state-dir", str(tmp_path)]) == BAD_INPUT
    state.close()
    assert "is using" in capsys.readouterr().err
    assert sites(tmp_path, "waiting") == []


def test_a_miss_is_sent_before_the_parked_one_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parked(tmp_path)
    queue = ParkedMessages(tmp_path)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as power:
        power.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            queue.unpark(queue.misses())
    assert sites(tmp_path, "waiting") == ["harbour", "harbour", "orchard"]
    assert sites(tmp_path, "parked") == ["-", "harbour", "harbour", "orchard"]
    queue.unpark(queue.misses())
    assert sites(tmp_path, "parked") == ["-"]
    branches = [site.site_id for site in request_redrive(Laptop(tmp_path), {}).plan.sites]
    assert sorted(branches) == ["harbour", "orchard"]
