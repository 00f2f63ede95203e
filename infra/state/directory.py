"""The state directory: what the embedded cloud knows, as plain files that a person can read.

    state.json                  schema_version, and the parameter values that the template had when last deployed
    runs/… config/…             the bucket's objects under their keys
    queues/<queue>/<id>.json    one message each: body, attributes, receive count, receipt handles
    configuration.json          the SSM parameter; editing it is the local `aws ssm put-parameter`
    logs/                       what the functions and the engine printed

Every write goes to a temporary file first and is then renamed, so that a reader, or the next process after a
`kill -9`, sees the old content or the new, never a torn one. The file system is the index: nothing is read at start
but `state.json`, and nothing is kept in memory. No secret ever comes here.
"""

import fcntl
import itertools
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

SCHEMA_VERSION = 1
TEMPORARY = ".tmp"


class StateDirInUse(Exception):  # noqa: N818
    """Another process works on this state directory. The message names it and says what to do."""


class CorruptState(Exception):  # noqa: N818
    """The state directory cannot be read. It was kept under another name, which the message tells."""


class StateDirectory:
    """One directory, locked for one process while open.

    Raises StateDirInUse, or CorruptState after the old directory was moved aside.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.notices: list[str] = []  # what a person should be told: files that were set aside
        self._lock: int | None = None
        self._names = itertools.count()

    def open(self) -> Self:
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.path)
        try:
            temporary = self.path / TEMPORARY
            temporary.mkdir(exist_ok=True)
            for left_over in temporary.iterdir():  # from a process that was killed in the middle of a write
                left_over.unlink()
            self._check_schema()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def write(self, path: Path, content: bytes) -> None:
        """Replace a file as a whole, creating its folders. On return it survives the death of this process."""
        temporary = f"{self.path}/{TEMPORARY}/{os.getpid()}-{next(self._names)}"
        with open(temporary, "wb") as file:  # noqa: PTH123 - measured: half of pathlib's time per write
            file.write(content)
        try:
            os.replace(temporary, path)  # noqa: PTH105
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary, path)  # noqa: PTH105
        except OSError:
            os.unlink(temporary)  # noqa: PTH108
            raise

    def set_aside(self, path: Path, reason: str) -> Path:
        """Move a file that cannot be read out of the way, and remember to say so."""
        kept = self.path / "corrupt" / _now() / path.relative_to(self.path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        path.replace(kept)
        self.notices.append(f"{path.relative_to(self.path)} could not be read ({reason}); it is kept as {kept}.")
        return kept

    def deployed(self) -> dict[str, str]:
        """The parameter values that the template had when it was last deployed into this directory."""
        return dict(self._state().get("deployed", {}))

    def remember_deployed(self, values: dict[str, str]) -> None:
        state = {"schema_version": SCHEMA_VERSION, "deployed": values}
        self.write(self.path / "state.json", json.dumps(state, indent=2).encode() + b"\n")

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.path / "state.json").read_bytes())
        return state

    def _check_schema(self) -> None:
        if not (self.path / "state.json").exists():
            self.remember_deployed({})
            return
        try:
            found = self._state()["schema_version"]
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise self._kept_as_a_copy(f"its state.json cannot be read ({type(error).__name__}: {error})") from None
        if found != SCHEMA_VERSION:
            raise self._kept_as_a_copy(f"its schema_version is {found!r}, and this Nightfold reads {SCHEMA_VERSION}")

    def _kept_as_a_copy(self, reason: str) -> CorruptState:
        kept = self.path.with_name(f"{self.path.name}.kept-{_now()}")
        self.path.rename(kept)
        return CorruptState(
            f"The state directory {self.path} could not be used: {reason}. Nothing was deleted: it is now {kept}. "
            "The next command starts with an empty one; to go on with the old one, repair it and rename it back."
        )


def _lock(directory: Path) -> int:
    """The lock belongs to the open file, so that it ends with the process, however that ends."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise StateDirInUse(
            f"Another Nightfold process (pid {holder}) is using {directory}. "
            "Wait until it is done, stop it, or choose another directory with --state-dir."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _now() -> str:
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
