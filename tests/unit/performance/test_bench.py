"""The frame of `make bench`: a part never costs the others what they measured."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.performance import bench, results
from tests.performance.part import Table
from tests.unit.performance.fake_part import FakePart


@dataclass
class Done:
    """What the command left behind."""

    status: int
    stdout: str
    stderr: str


@pytest.fixture
def measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Measures these parts into `tmp_path`."""

    def run(parts: Mapping[str, Callable[[], FakePart]], **others: Any) -> Done:
        begun = results.begin(seed=0, quick=False).model_copy(update=others)
        status = bench.command(parts, begun, tmp_path)
        return Done(status, *capsys.readouterr())

    return run


def kept_in(folder: Path) -> results.Results:
    return results.Results.model_validate_json((folder / "results.json").read_bytes())


def test_a_part_that_raises_does_not_cost_the_others(measured: Callable[..., Done], tmp_path: Path) -> None:
    done = measured(
        {
            "first": FakePart({"seconds": 1}),
            "second": FakePart(ValueError("no such world")),
            "third": FakePart({"seconds": 3}),
        }
    )
    kept = kept_in(tmp_path)
    assert kept.parts == {"first": {"seconds": 1}, "third": {"seconds": 3}}
    assert kept.complaints == {"first": [], "second": ["broke off: ValueError: no such world"], "third": []}
    assert set(kept.seconds) == {"first", "second", "third"}
    assert done.status == 1
    assert "DOES NOT HOLD  second: broke off: ValueError: no such world" in done.stdout


def test_a_part_that_cannot_be_imported_is_a_complaint(measured: Callable[..., Done]) -> None:
    def missing() -> FakePart:
        raise ImportError("no such module")

    done = measured({"race": missing, "scale": FakePart({})})
    assert done.status == 1
    assert "race: broke off: ImportError" in done.stdout


@pytest.mark.parametrize(("found", "status"), [([], 0), (["the peak is above what was planned"], 1)])
def test_a_complaint_fails_the_command(measured: Callable[..., Done], found: list[str], status: int) -> None:
    done = measured({"race": FakePart({"seconds": 1}, found=found)})
    assert done.status == status
    assert all(complaint in done.stdout for complaint in found)


def test_results_are_written_after_each_part(measured: Callable[..., Done], tmp_path: Path) -> None:
    seen = []

    class Second(FakePart):
        def measure(self, _: object) -> dict[str, Any]:
            seen.append(json.loads((tmp_path / "results.json").read_text())["parts"])
            return {}

    measured({"first": FakePart({"seconds": 1}), "second": Second({})})
    assert seen == [{"first": {"seconds": 1}}]


def test_ctrl_c_leaves_what_is_there(measured: Callable[..., Done], tmp_path: Path) -> None:
    third = FakePart({})
    done = measured({"first": FakePart({"seconds": 1}), "second": FakePart(KeyboardInterrupt()), "third": third})
    assert done.status == 130
    assert third.given == []
    assert kept_in(tmp_path).parts == {"first": {"seconds": 1}}
    assert "not measured: second, third" in done.stderr


def test_results_survive_the_round_trip(tmp_path: Path) -> None:
    taken = results.begin(seed=7, quick=True)
    taken.parts["race"] = results.as_kept({"runs": (1, 2.5), "by_size": {4: None}, "folder": tmp_path})
    taken.complaints["race"] = ["too slow"]
    taken.seconds["race"] = 1.5
    file = results.write(taken, tmp_path / "bench")
    assert kept_in(tmp_path / "bench") == taken
    assert taken.parts["race"] == {"runs": [1, 2.5], "by_size": {"4": None}, "folder": str(tmp_path)}
    assert {"processor", "cores", "memory_gb", "system", "kernel"} <= taken.machine.keys()
    assert {"python", "nightfold", "anthropic", "boto3", "moto", "pydantic"} <= taken.versions.keys()
    assert list((tmp_path / "bench").iterdir()) == [file]


def test_a_part_is_told_how_to_measure_and_its_folder_goes_afterwards(measured: Callable[..., Done]) -> None:
    race = FakePart({})
    measured({"race": race}, quick=True, seed=9)
    assert [(given.quick, given.seed, given.work.exists()) for given in race.given] == [(True, 9, False)]


def test_the_tables_go_to_stdout_and_progress_to_stderr(measured: Callable[..., Done]) -> None:
    table = Table("By size", ["size", "seconds"], [["[bold]4[/bold]", "1.5"]], "A note.")
    done = measured({"race": FakePart({}, shown_tables=[table])})
    for text in ("By size", "[bold]4[/bold]", "1.5", "A note."):
        assert text in done.stdout
    assert "at it" in done.stderr
    assert "at it" not in done.stdout


def test_every_real_part_has_a_module_of_its_name() -> None:
    assert set(bench.PARTS) == {"race", "simulation", "waves", "scale"}
