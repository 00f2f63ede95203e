"""The frame of `make bench`: what was measured is shown and kept, whatever comes after it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.performance import bench
from tests.performance.part import Options, Part, Table

TABLE = Table("Figures", ["figure"], [["1"]])


@dataclass
class FakePart:
    """A part that measures nothing, and gives back what it was made with; an exception is raised instead."""

    figures: dict[str, Any] | Exception
    found: Sequence[str] = ()
    table: Table = TABLE
    given: list[Options] = field(default_factory=list)

    def measure(self, options: Options) -> dict[str, Any]:
        self.given.append(options)
        options.say("at it")
        if isinstance(self.figures, Exception):
            raise self.figures
        return self.figures

    def tables(self, _: dict[str, Any]) -> list[Table]:
        return [self.table]

    def complaints(self, _: dict[str, Any]) -> list[str]:
        return list(self.found)


@pytest.fixture
def measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Measures these parts into `tmp_path`: the exit status, and both streams."""

    def run(parts: Mapping[str, Part], seed: int = 0, quick: bool = False) -> tuple[int, str, str]:
        status = bench.command(parts, tmp_path, seed=seed, quick=quick)
        return status, *capsys.readouterr()

    return run


def test_what_was_measured_is_kept_when_the_next_part_breaks(
    measured: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = FakePart({"seconds": 1, "by_size": {4: None}, "folder": tmp_path}, found=["too slow"])
    with pytest.raises(ValueError, match="no such world"):
        measured({"first": first, "second": FakePart(ValueError("no such world"))}, seed=7)
    kept = json.loads((tmp_path / "results.json").read_text())
    assert kept["parts"].keys() == {"first"}
    assert kept["parts"]["first"]["figures"] == {"seconds": 1, "by_size": {"4": None}, "folder": str(tmp_path)}
    assert (kept["parts"]["first"]["complaints"], kept["seed"], kept["quick"]) == (["too slow"], 7, False)
    assert kept["machine"].keys() == {"processor", "cores", "memory_gb", "system"}
    assert {"python", "nightfold", "anthropic", "boto3", "moto", "pydantic"} <= kept["versions"].keys()
    assert all([*kept["machine"].values(), *kept["versions"].values()])
    assert "Figures" in capsys.readouterr().out


@pytest.mark.parametrize(("found", "status"), [([], 0), (["the peak is above what was planned"], 1)])
def test_a_complaint_fails_the_command(measured: Callable[..., Any], found: list[str], status: int) -> None:
    code, out, _ = measured({"race": FakePart({"seconds": 1}, found=found), "scale": FakePart({})})
    assert code == status
    assert all(f"DOES NOT HOLD  race: {complaint}" in out for complaint in found)


def test_a_part_is_told_how_to_measure_and_its_folder_goes_afterwards(measured: Callable[..., Any]) -> None:
    race = FakePart({})
    measured({"race": race}, quick=True, seed=9)
    assert [(given.quick, given.seed, given.work.exists()) for given in race.given] == [(True, 9, False)]


def test_the_tables_go_to_stdout_and_progress_to_stderr(measured: Callable[..., Any]) -> None:
    table = Table("By size", ["size", "seconds"], [["[bold]4[/bold]", "1.5"]], "A note.")
    _, out, err = measured({"race": FakePart({}, table=table)})
    for text in ("By size", "[bold]4[/bold]", "1.5", "A note."):
        assert text in out
    assert "at it" in err
    assert "at it" not in out
