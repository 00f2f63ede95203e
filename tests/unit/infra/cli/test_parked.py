"""`nightfold unpark` and `drop`: parked misses wait again as new ones or are deleted, and nothing else is touched."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.invocation import program
from infra.cli.laptop import Laptop
from infra.cli.main import BAD_INPUT, main
from infra.cli.redrive_request import request_redrive
from infra.state.parked_misses import ParkedMessages
from infra.state.queued_misses import read_messages, read_misses
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


@pytest.mark.parametrize(("command", "waiting"), [("unpark", ["orchard"]), ("drop", [])])
def test_only_the_named_sites_are_taken_and_listed_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, waiting: list[str]
) -> None:
    parked(tmp_path)
    assert main([command, "orchard", "--yes", "--json", "--state-dir", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"site_id": "orchard", "run_id": "nightly-2026-11-23", "error": "Overloaded"}
    ]
    assert (sites(tmp_path, "waiting"), sites(tmp_path, "parked")) == (waiting, ["-", "harbour", "harbour"])


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (["unpark", "meadow", "--yes"], "unpark: no parked miss of 'meadow'; parked: harbour, orchard"),
        (["drop", "harbour", "meadow", "--yes"], "drop: no parked miss of 'meadow'; parked: harbour, orchard"),
        (["drop"], "Missing argument 'SITE...'"),
        (["drop", "--yes"], "Missing argument 'SITE...'"),
    ],
)
def test_what_cannot_be_done_is_refused_and_takes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], complaint: str
) -> None:
    parked(tmp_path)
    assert main([*command, "--state-dir", str(tmp_path)]) == BAD_INPUT
    assert complaint in capsys.readouterr().err
    assert (sites(tmp_path, "waiting"), sites(tmp_path, "parked")) == ([], ["-", "harbour", "harbour", "orchard"])


def test_without_parked_misses_nothing_is_created(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unpark", "--state-dir", str(tmp_path / "none")]) == 0
    assert capsys.readouterr().out == "0 misses moved back, 0 still parked\n"
    assert main(["drop", "harbour", "--yes", "--state-dir", str(tmp_path / "none")]) == BAD_INPUT
    assert "no parked miss of 'harbour'; no miss is parked" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


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
