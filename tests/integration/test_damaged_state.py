"""Runs every command on a state directory with one damaged file: it prints a sentence that names the file, or ignores a
file that it does not need, and never prints a traceback."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.main import main
from infra.state.directory import StateDirectory
from tests.support.damaged_files import DAMAGED

RUN = "nightly-2026-11-23"
PLACES = {
    "the state": "state.json",
    "the configuration": "configuration.json",
    "the site list": "sites.json",
    "a plan": f"runs/{RUN}/plan.json",
    "a census": f"runs/{RUN}/summary.json",
    "a page's outcome": f"runs/{RUN}/round-1/outcomes/harbour.json",
    "a miss": "queues/MissQueue/bad.json",
    "a parked miss": "queues/ParkedQueue/bad.json",
}
NAMED = {
    "the configuration": ("plan",),
    "the site list": ("plan",),
    "a miss": ("misses",),
    "a parked miss": ("misses",),
}
COMMANDS: dict[str, tuple[str, ...]] = {
    "misses": ("misses",),
    "plan": ("plan",),
    "report": ("report",),
    "list": ("report", "--list"),
    "one": ("report", RUN),
    "dry run": ("redrive", "--dry-run"),
}


def bytes_of(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


WAYS: dict[str, Callable[[Path], object]] = {
    **{name: bytes_of(content) for name, content in DAMAGED.items()},
    "a directory": Path.mkdir,
    "a named pipe": os.mkfifo,
    "a dangling link": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("damaged") / "state"
    StateDirectory(directory).open().close()
    return directory


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("way", WAYS)
def test_no_command_ends_in_a_traceback(
    directory: Path, way: str, place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    damaged = directory / PLACES[place]
    damaged.parent.mkdir(parents=True, exist_ok=True)
    before = damaged.read_bytes() if damaged.exists() else None
    damaged.unlink(missing_ok=True)
    WAYS[way](damaged)
    try:
        for name, arguments in COMMANDS.items():
            code = main([*arguments, "--state-dir", str(directory)])  # what it raises fails this test
            said = "".join(capsys.readouterr())
            assert code in {0, 64}, said
            if name in NAMED.get(place, ()):
                assert damaged.name in said, (name, said)
    finally:
        shutil.rmtree(damaged) if damaged.is_dir() and not damaged.is_symlink() else damaged.unlink()
        if before is not None:
            damaged.write_bytes(before)


@pytest.mark.parametrize("deployed", [7, [], None, {"configuration.json": 5}])
def test_stored_values_of_another_type_are_ignored(tmp_path: Path, deployed: object) -> None:
    StateDirectory(tmp_path).open().close()
    (tmp_path / "state.json").write_text(json.dumps({"schema_version": 1, "deployed": deployed}))
    state = StateDirectory(tmp_path).open()
    assert all(isinstance(value, str) for value in state.deployed().values())
    state.close()
