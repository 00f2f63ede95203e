"""Only one process at a time works on a state directory; readers can check whether one does."""

import fcntl
import os
import time
from pathlib import Path

from infra.state.regular_files import open_file

NAME = "lock"
PATIENCE_S = 0.5  # a reader holds the lock for microseconds, while it checks


class StateDirInUse(Exception):  # noqa: N818
    """Another process is using this state directory. The message names it and says what to do."""


def acquire(directory: Path) -> int:
    """The descriptor that holds the lock. Closing it, or the end of the process, releases the lock.

    Raises StateDirInUse, and NotARegularFile if the lock file is something else.
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
    """Whether a process has the state directory open. Writes nothing: the directory may be read-only."""
    try:
        descriptor = open_file(directory / NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _taken(descriptor, fcntl.LOCK_SH)  # released at once
    finally:
        os.close(descriptor)


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
