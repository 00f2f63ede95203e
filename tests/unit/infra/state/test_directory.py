"""The state directory: locked, versioned, and never half written."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.state.directory import SCHEMA_VERSION, CannotStore, CorruptState, StateDirectory
from infra.state.lock import StateDirInUse
from tests.support.damaged_files import DAMAGED


def test_a_new_directory_records_its_schema_version(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state").open()
    assert json.loads((tmp_path / "state" / "state.json").read_text())["schema_version"] == SCHEMA_VERSION
    state.close()


def test_a_write_creates_the_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path).open()
    state.write(tmp_path / "a" / "b" / "c.json", b"one")
    state.write(tmp_path / "a" / "b" / "c.json", b"two")
    assert (tmp_path / "a" / "b" / "c.json").read_bytes() == b"two"
    assert list((tmp_path / ".tmp").iterdir()) == []
    state.close()


def test_a_second_process_is_refused_with_the_holder_and_what_to_do(tmp_path: Path) -> None:
    holder = "import sys; from pathlib import Path; from infra.state.directory import StateDirectory\n"
    holder += f"StateDirectory(Path({str(tmp_path)!r})).open(); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        (tmp_path / ".tmp" / "4711-1").write_bytes(b"half of")
        with pytest.raises(StateDirInUse, match=rf"pid {process.pid}.*--state-dir"):
            StateDirectory(tmp_path).open()
        assert (tmp_path / ".tmp" / "4711-1").exists(), "the holder may be writing it"
        process.kill()
    StateDirectory(tmp_path).open().close()  # the lock ended with the process


@pytest.mark.parametrize("content", [*DAMAGED.values(), b'{"schema": 1}', b'{"schema_version": 99}'])
def test_a_directory_that_cannot_be_read_is_kept_under_another_name(tmp_path: Path, content: bytes) -> None:
    directory = tmp_path / "state"
    (directory / "runs").mkdir(parents=True)
    (directory / "runs" / "kept.json").write_text("worth money")
    (directory / "state.json").write_bytes(content)
    with pytest.raises(CorruptState) as error:
        StateDirectory(directory).open()
    (kept,) = tmp_path.glob("state.kept-*")
    assert str(kept) in str(error.value)
    assert (kept / "runs" / "kept.json").read_text() == "worth money"
    assert (kept / "state.json").read_bytes() == content
    StateDirectory(directory).open().close()  # the next command starts with an empty one


def test_a_file_that_was_set_aside_is_kept_and_reported(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path).open()
    state.write(tmp_path / "queues" / "Queue" / "x.json", b"?")
    kept = state.set_aside(tmp_path / "queues" / "Queue" / "x.json", "no JSON")
    assert kept.read_bytes() == b"?"
    assert not (tmp_path / "queues" / "Queue" / "x.json").exists()
    assert str(kept) in state.notices[0]
    state.close()


def test_content_is_on_the_disk_before_the_file_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test cannot cut the power; the order of these calls decides whether a file is complete afterwards."""
    state = StateDirectory(tmp_path).open()
    did: list[str] = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)

        def noted(*given: Any, name: str = name, original: Any = original) -> Any:
            did.append(name)
            return original(*given)

        monkeypatch.setattr(os, name, noted)
    state.write(tmp_path / "runs" / "one.json", b"{}")
    assert did[0] == "fsync"
    assert did[-1] == "replace"
    state.close()


@pytest.mark.parametrize("left", [0, 1])
def test_a_write_that_fails_leaves_nothing_and_names_errno_and_file(tmp_path: Path, left: int) -> None:
    """Uses the process's real limit on file size."""
    state = StateDirectory(tmp_path).open()
    state.write(tmp_path / "runs" / "one.json", b"old")
    full: list[CannotStore] = []
    state.when_full = full.append
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, before[1]))
    try:
        with pytest.raises(CannotStore, match=r"one\.json could not be written: \[Errno 27\] File too large"):
            state.write(tmp_path / "runs" / "one.json", b"new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "runs" / "one.json").read_bytes() == b"old"
    assert list((tmp_path / ".tmp").iterdir()) == []
    assert len(full) == 1
    state.close()
