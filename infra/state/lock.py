"""One process at a time works on a state directory; readers only ask whether one does."""

import fcntl
import os
import time
from pathlib import Path

from infra.state.regular_files import open_file

NAME = "lock"
PATIENCE_S = 0.5  # a reader has the lock for microseconds, while it asks


class StateDirInUse(Exception):  # noqa: N818
    """Another process works on this state directory. The message names it and says what to do."""


def acquire(directory: Path) -> int:
    """The descriptor that holds the lock: closing it, or the end of the process, gives the lock back.

    Raises StateDirInUse, and NotARegularFile where the lock file is something else.
    """
    descriptor = open_file(directory / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + PATIENCE_S
    while not _taken(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise StateDirInUse(
                f"Another Nightfold process (pid {holder}) is using {directory}. "
                "Wait until it is done, stop it, or choose another directory with --state-dir."
            )
        time.sleep(0.002)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def in_use(directory: Path) -> bool:
    """Whether a process has the state directory open. Nothing is written: the directory may be read-only."""
    try:
        descriptor = open_file(directory / NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _taken(descriptor, fcntl.LOCK_SH)  # given back at once
    finally:
        os.close(descriptor)


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
