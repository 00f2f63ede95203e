"""Dead runs that a morning cannot close, and folders that are not runs: the morning still collects its misses."""

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.cli.laptop import Laptop
from infra.cli.unfinished_runs import PassedOver
from infra.state.queued_misses import read_messages
from nightfold.run_folders import SetAside
from tests.integration.reopenable_cloud import BY_HAND, MORNING, NIGHT, ReopenableCloud, opened
from tests.support.clouds import PATIENCE_S
from tests.support.faults import Fault, Refuse


@pytest.fixture
def place(tmp_path: Path) -> Iterator[ReopenableCloud]:
    with opened(tmp_path / "state") as place:
        yield place


def passed_over_runs_of(place: ReopenableCloud) -> list[PassedOver]:
    """As the command line sees them, once no process uses the directory."""
    place.close()
    return [run for run in Laptop(place.state_dir).open_runs() if isinstance(run, PassedOver)]


def test_a_dead_run_that_cannot_be_closed_is_set_aside_and_the_morning_goes_on(place: ReopenableCloud) -> None:
    place.api.script("harbour", [400])
    place.run(NIGHT)
    night, poisoned = (place.state_dir / "runs" / name for name in ("nightly-2026-11-23", "poisoned"))
    poisoned.mkdir()
    plan = json.loads((night / "plan.json").read_bytes()) | {"run_id": "poisoned", "execution_id": "gone"}
    (poisoned / "plan.json").write_text(json.dumps(plan))

    def no_misses_of_the_poisoned_run(function: str, _: str, parameters: Mapping[str, Any]) -> Fault | None:
        met = function == "Aggregator" and parameters.get("Key") == "runs/poisoned/misses.jsonl"
        return Refuse(403, "AccessDenied") if met else None

    place.look_at = no_misses_of_the_poisoned_run
    morning = place.run(MORNING, name="morning")
    assert (morning.output["run_id"], morning.output["status"]) == ("morning", "complete")
    mark = SetAside.model_validate_json((poisoned / "unclosable.json").read_bytes())
    assert (mark.run_id, mark.error) == ("poisoned", "UnexpectedError")
    [passed_over] = passed_over_runs_of(place)
    assert passed_over.name == "poisoned"
    assert "could not be closed (UnexpectedError)" in passed_over.why
    place.reopen()
    place.look_at = lambda *_: None
    assert place.run(MORNING, name="next").output["status"] == "nothing"
    (poisoned / "unclosable.json").unlink()
    place.reopen()
    place.run(MORNING, name="after-the-cause-was-fixed")
    assert (poisoned / "summary.json").exists()


def test_a_run_that_dies_between_the_two_files_of_a_wave_asks_nobody_twice_and_forgets_nobody(
    place: ReopenableCloud,
) -> None:
    sites = [f"site-{number:02}" for number in range(12)]
    place.sites(*sites)
    decided, dead = threading.Event(), threading.Event()

    def die_before_the_items(function: str, operation: str, parameters: Mapping[str, Any]) -> Fault | None:
        wave_2 = str(parameters.get("Key")).endswith("wave-2/items.json")
        if (function, operation) == ("Pacer", "PutObject") and wave_2 and not dead.is_set():
            decided.set()
            dead.wait(PATIENCE_S)
            raise SystemExit
        return None

    place.look_at = die_before_the_items
    night = place.cloud.start(NIGHT, "night")
    assert decided.wait(PATIENCE_S)
    place.cloud.stop(night)
    dead.set()
    place.reopen()
    run = place.state_dir / "runs" / "nightly-2026-11-23"
    assert [file.name for file in (run / "round-1" / "wave-2").iterdir()] == ["pace.json"]
    morning = place.run(MORNING, name="morning")
    assert (morning.output["planned"], morning.output["accepted"]) == (8, 8)
    assert json.loads((run / "summary.json").read_text())["accepted"] == 4
    assert {site: place.api.calls(f"{site}.example") for site in sites} == dict.fromkeys(sites, 1)
    assert place.ledger().accepted == {*sites}


def test_what_a_later_run_has_collected_of_a_dead_one_is_not_asked_again(place: ReopenableCloud) -> None:
    given = BY_HAND | {"remember": 0}
    place.run(given, name="first")
    for file in ("summary.json", "round-1/outcomes/harbour.json", "results/harbour.json"):
        (place.state_dir / "runs" / "first" / file).unlink()  # as if it had died before harbour's turn was over
    place.reopen()
    place.run(given, name="second")
    morning = place.run(MORNING, name="morning")
    assert (morning.output["status"], morning.output["planned"]) == ("complete", 0)
    assert place.api.calls("harbour.example") == 2
    assert read_messages(place.state_dir, "waiting") == []


def test_a_copy_of_a_dead_run_is_passed_over(place: ReopenableCloud) -> None:
    place.run(BY_HAND, name="night")
    runs = place.state_dir / "runs"
    (runs / "night" / "summary.json").unlink()
    for copy in ("night.backup", "night (copy)"):
        shutil.copytree(runs / "night", runs / copy)
    place.reopen()
    assert place.run(MORNING, name="morning").output["status"] == "nothing"
    assert (runs / "night" / "summary.json").exists()
    assert not list(runs.glob("*/unclosable.json"))
    assert not read_messages(place.state_dir, "waiting")
    assert {each.name for each in passed_over_runs_of(place)} == {"night.backup", "night (copy)"}
