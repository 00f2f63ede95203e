"""`nightfold misses` reads message files, whatever else is in the folder."""

import json
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from infra.cli.laptop import Laptop
from infra.cli.main import main
from infra.cli.misses_text import as_json, as_text
from infra.state.message_files import LARGEST_NUMBER
from infra.state.queued_misses import MAX_RECEIVES, QUEUES, RETENTION, read_messages, read_misses
from tests.unit import examples

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)


def miss(site_id: str, **more: Any) -> str:
    fields: dict[str, Any] = {
        "run_id": "nightly-2026-11-23",
        "message": "attempt 3: 529",
        "missed_at": NOW - timedelta(hours=3),
    }
    return examples.miss(site_id, **fields | more).model_dump_json()


def put(state_dir: Path, queue: str, message_id: str, body: str, *, received: int = 0, sent_at: int = 0) -> None:
    folder = state_dir / "queues" / queue
    folder.mkdir(parents=True, exist_ok=True)
    stored = {"message_id": message_id, "body": body, "sent_at": sent_at, "receive_count": received, "more": []}
    (folder / f"{message_id}.json").write_text(json.dumps(stored))


def test_waiting_and_parked_misses_are_listed_with_reason_age_and_tries(tmp_path: Path) -> None:
    put(
        tmp_path,
        "MissQueue",
        "b",
        miss("orchard", reason="schema", error="Truncated", attempts=1),
        received=9,
        sent_at=2,
    )
    put(tmp_path, "MissQueue", "a", miss("harbour"), sent_at=1)
    put(tmp_path, "ParkedQueue", "c", miss("meadow", attempts=3))
    listed = [
        (each.site_id, each.queue, each.reason, each.error, each.attempts, each.age)
        for each in read_misses(tmp_path, NOW)
    ]
    assert listed == [
        ("harbour", "waiting", "network", "Overloaded", 0, 10_800),
        ("orchard", "waiting", "schema", "Truncated", 1, 10_800),
        ("meadow", "parked", "network", "Overloaded", 3, 10_800),
    ]


def test_the_json_has_one_object_for_each_message(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour", raw_answer="no JSON", raw_answer_key="runs/n/outcome.json"))
    (listed,) = json.loads(as_json(read_misses(tmp_path, NOW)))
    assert listed == {
        "site_id": "harbour",
        "domain": "harbour.example",
        "reason": "network",
        "error": "Overloaded",
        "message": "attempt 3: 529",
        "age": 10_800,
        "attempts": 0,
        "simulated": False,
        "queue": "waiting",
        "run_id": "nightly-2026-11-23",
        "missed_at": "2026-11-23T03:00:00+00:00",
        "raw_answer": "no JSON",
        "raw_answer_key": "runs/n/outcome.json",
    }


def test_a_message_that_is_not_ours_is_explained(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", "hello")
    put(tmp_path, "ParkedQueue", "b", json.dumps({"explanation": "not a miss: body: no JSON", "body": "hello"}))
    put(tmp_path, "ParkedQueue", "c", "what the user put there by hand")
    listed = [(each.site_id, each.message) for each in read_misses(tmp_path, NOW)]
    assert listed == [
        (None, "not a miss of Nightfold; the next redrive parks it with an explanation"),
        (None, "not a miss: body: no JSON"),
        (None, "not a miss of Nightfold"),
    ]


def test_a_file_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour"))
    for name, content in (("torn", '{"message_id": "torn", "bo'), ("list", "[]"), ("other", '{"message_id": "x"}')):
        (tmp_path / "queues" / "MissQueue" / f"{name}.json").write_text(content)
    assert [message.message_id for message in read_messages(tmp_path, "waiting")] == ["a"]


def test_a_queue_that_cannot_be_listed_is_not_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    queue = tmp_path / "queues" / "MissQueue"
    queue.parent.mkdir()
    queue.touch()
    assert main(["misses", "--state-dir", str(tmp_path)]) == 1
    assert capsys.readouterr() == ("", f"nightfold: {queue}: Not a directory\n")


@pytest.mark.parametrize(
    ("queue", "command"),
    [("MissQueue", "redrive --dry-run --simulate"), ("ParkedQueue", "unpark"), ("ParkedQueue", "misses")],
)
def test_each_command_about_misses_names_a_file_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], queue: str, command: str
) -> None:
    torn = tmp_path / "queues" / queue / "torn.json"
    torn.parent.mkdir(parents=True)
    torn.write_text('{"message_id": "torn", "bo')
    assert main([*command.split(), "--state-dir", str(tmp_path)]) == 0
    assert f"{torn} is not a readable message (JSONDecodeError: " in capsys.readouterr().err


def test_the_last_moment_that_a_message_may_have_is_a_date(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "last", "hello", sent_at=LARGEST_NUMBER)
    put(tmp_path, "MissQueue", "later", "hello", sent_at=LARGEST_NUMBER + 1)
    assert [each.age for each in read_misses(tmp_path, NOW)] == [0]


def test_no_state_directory_means_no_misses(tmp_path: Path) -> None:
    assert read_misses(tmp_path / "nowhere") == []
    assert as_text([], Laptop(tmp_path), 80) == ["0 misses waiting, 0 parked"]


def test_the_table_counts_runs_and_not_receives(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour", message="\x1b[31mred", attempts=2), received=40)
    text = "\n".join(as_text(read_misses(tmp_path, NOW), Laptop(tmp_path), 80))
    assert "waiting  harbour  network  Overloaded  2x        3 h  [31mred" in text


def test_simulated_misses_are_counted_separately(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour"))
    put(tmp_path, "MissQueue", "b", miss("orchard", simulated=True))
    assert as_text(read_misses(tmp_path, NOW), Laptop(tmp_path), 80)[0] == "2 misses waiting (1 simulated), 0 parked"


def test_a_miss_that_a_stack_would_have_dropped_is_kept_and_named_as_such(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour", missed_at=(NOW - timedelta(days=15)).isoformat()))
    put(tmp_path, "MissQueue", "b", miss("orchard"))
    told = [*Laptop(tmp_path).about_misses(read_misses(tmp_path, NOW))]
    assert told == ["On AWS, 1 of these would have expired after 14 days. Here none expires."]


def test_a_miss_from_before_the_clock_was_set_back_has_no_negative_age(tmp_path: Path) -> None:
    put(tmp_path, "MissQueue", "a", miss("harbour", missed_at=(NOW + timedelta(hours=1)).isoformat()))
    put(tmp_path, "MissQueue", "b", "hello", sent_at=int((NOW + timedelta(hours=1)).timestamp() * 1000))
    assert [each.age for each in read_misses(tmp_path, NOW)] == [0, 0]


def test_queues_and_receives_are_the_templates() -> None:
    yaml = import_module("samtranslator.yaml_helper")
    template = yaml.yaml_parse((Path(__file__).parents[4] / "template.yaml").read_text())["Resources"]
    assert template[QUEUES["waiting"]]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVES
    assert template[QUEUES["waiting"]]["Properties"]["MessageRetentionPeriod"] == RETENTION.total_seconds()
    assert template[QUEUES["parked"]]["Type"] == "AWS::SQS::Queue"
