"""A state directory with links to elsewhere or the wrong kinds of files: nothing outside is touched."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.cli.laptop import Laptop
from infra.cli.unfinished_runs import UnfinishedRun
from infra.cloud.lambdas.sandbox import Sandbox
from infra.state import lock
from infra.state.directory import StateDirectory
from infra.state.message_files import Messages, StoredMessage
from infra.state.object_files import Objects
from infra.state.places import UnsafeState
from infra.state.queued_misses import read_messages, unreadable_messages
from infra.state.regular_files import NotARegularFile, read_file
from tests.support.clouds import PATIENCE_S

WORTH = b"worth money"


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    def hung(*_: object) -> None:
        raise TimeoutError("an open hangs")

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(PATIENCE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Files that do not belong to Nightfold."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "1-1").write_bytes(WORTH)
    (folder / "note.json").write_bytes(WORTH)
    return folder


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    StateDirectory(directory).open().close()
    return directory


def untouched(outside: Path) -> bool:
    return {path.name: path.read_bytes() for path in outside.iterdir()} == {"1-1": WORTH, "note.json": WORTH}


@pytest.mark.parametrize("name", [".tmp", "logs", "queues", "corrupt", "runs", "config", "queues/MissQueue"])
def test_a_folder_that_is_a_link_is_refused_by_name(directory: Path, outside: Path, name: str) -> None:
    if (place := directory / name).is_dir():
        place.rmdir()
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(outside)
    with pytest.raises(UnsafeState, match=rf"{name} is a symbolic link, and Nightfold uses only a directory there"):
        StateDirectory(directory).open()
    assert untouched(outside)


@pytest.mark.parametrize("name", ["lock", "state.json", "configuration.json", "sites.json", "former-sites.json"])
@pytest.mark.parametrize("kind", ["a symbolic link", "a named pipe", "a directory"])
def test_a_file_that_is_something_else_is_refused_by_name(directory: Path, outside: Path, name: str, kind: str) -> None:
    (directory / name).unlink(missing_ok=True)
    make: dict[str, Callable[[Path], None]] = {
        "a symbolic link": lambda path: path.symlink_to(outside / "note.json"),
        "a named pipe": os.mkfifo,
        "a directory": Path.mkdir,
    }
    make[kind](directory / name)
    with pytest.raises(UnsafeState, match=rf"{name} is {kind}, and Nightfold uses only a regular file there"):
        StateDirectory(directory).open()
    assert not lock.in_use(directory)
    assert untouched(outside)


def test_only_own_temporary_files_are_deleted(directory: Path, outside: Path) -> None:
    temporary = directory / ".tmp"
    (temporary / "4711-1").write_bytes(b"half of")
    (temporary / "notes.txt").write_bytes(WORTH)
    (temporary / "4711-2").symlink_to(outside / "note.json")
    (temporary / "4711-3").mkdir()
    StateDirectory(directory).open().close()
    assert {path.name for path in temporary.iterdir()} == {"notes.txt", "4711-2", "4711-3"}


def test_a_write_never_goes_through_a_link_in_the_place_of_its_temporary_file(directory: Path, outside: Path) -> None:
    state = StateDirectory(directory).open()
    for number in range(3):
        (directory / ".tmp" / f"{os.getpid()}-{number}").symlink_to(outside / "note.json")
    state.write(directory / "runs" / "one.json", b"{}")
    assert (directory / "runs" / "one.json").read_bytes() == b"{}"
    assert untouched(outside)
    state.close()


@pytest.fixture
def linked(directory: Path, outside: Path) -> Iterator[Objects]:
    """A bucket with a run whose folder is a link, and objects that are not regular files."""
    (directory / "runs").mkdir()
    (directory / "runs" / "linked").symlink_to(outside)
    (directory / "runs" / "file.json").symlink_to(outside / "note.json")
    os.mkfifo(directory / "runs" / "pipe.json")
    (directory / "runs" / "folder.json").mkdir()
    state = StateDirectory(directory).open()
    yield Objects(state)
    state.close()
    assert untouched(outside)


@pytest.mark.parametrize("key", ["runs/linked/note.json", "runs/file.json", "runs/pipe.json", "runs/folder.json"])
def test_only_a_regular_file_is_an_object(linked: Objects, key: str) -> None:
    assert linked.get(key) is None
    assert not linked.has(key)
    assert not linked.delete(key)
    assert key not in linked.list("runs/")[0]


@pytest.mark.parametrize("prefix", ["runs/linked/", "../", "../outside/", "queues/", "runs/../../outside/", "/etc/"])
def test_a_listing_is_guarded_like_a_read(linked: Objects, prefix: str) -> None:
    assert linked.list(prefix) == ([], [])
    assert linked.list(prefix, "/") == ([], [])


def test_an_object_is_never_written_through_a_link_and_replaces_a_link(linked: Objects, directory: Path) -> None:
    with pytest.raises(UnsafeState, match="linked is a symbolic link"):
        linked.put("runs/linked/plan.json", b"{}")
    linked.put("runs/file.json", b"{}")
    assert not (directory / "runs" / "file.json").is_symlink()
    assert linked.get("runs/file.json") is not None


def test_messages_are_regular_files_and_anything_else_is_set_aside(directory: Path, outside: Path) -> None:
    folder = directory / "queues" / "MissQueue"
    folder.mkdir(parents=True)
    (folder / "link.json").symlink_to(outside / "note.json")
    os.mkfifo(folder / "pipe.json")
    (folder / "folder.json").mkdir()
    assert read_messages(directory, "waiting") == []
    reasons = {path.name: why for path, why in unreadable_messages(directory)}
    assert reasons.keys() == {"link.json", "pipe.json", "folder.json"}
    assert "is a named pipe, and only a regular file is used there" in reasons["pipe.json"]
    state = StateDirectory(directory).open()
    messages = Messages(state, "MissQueue")
    messages.put(StoredMessage("good", "a", 1))
    assert [message.message_id for message in messages.load()] == ["good"]
    assert len(state.notices) == 3
    assert untouched(outside)
    state.close()


def test_a_log_line_never_leaves_the_directory_and_never_raises(directory: Path, outside: Path) -> None:
    logs = directory / "logs"
    logs.mkdir()
    (logs / "link.log").symlink_to(outside / "note.json")
    os.mkfifo(logs / "pipe.log")
    (logs / "folder.log").mkdir()
    for name in ("link.log", "pipe.log", "folder.log", "missing/x.log", "good.log"):
        Sandbox("Probe", {}, lambda: None, logs / name).write("a line\n")  # type: ignore[arg-type,return-value]
    assert (logs / "good.log").read_text() == "a line\n"
    assert untouched(outside)


def test_readers_without_a_lock_do_not_hang_at_a_pipe(directory: Path) -> None:
    (directory / "runs" / "one").mkdir(parents=True)
    os.mkfifo(directory / "runs" / "one" / "plan.json")
    assert [run for run in Laptop(directory).open_runs() if isinstance(run, UnfinishedRun)] == []
    with pytest.raises(NotARegularFile, match="named pipe"):
        read_file(directory / "runs" / "one" / "plan.json")


def test_a_reader_that_checks_the_lock_continuously_never_blocks_a_run(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", PATIENCE_S)  # half a second is nothing on a busy machine
    over = threading.Event()

    def poll() -> None:
        while not over.is_set():
            lock.in_use(directory)

    readers = [threading.Thread(target=poll) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(100):
            StateDirectory(directory).open().close()
    finally:
        over.set()
        for reader in readers:
            reader.join()
