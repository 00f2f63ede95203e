"""The state directory: everything the embedded cloud stores, as plain readable files.

    state.json                  schema_version, and the parameter values that the template had when last deployed
    runs/… config/…             the bucket's objects under their keys
    queues/<queue>/<id>.json    one message per file: body, attributes, receive count, receipt handles
    configuration.json          the SSM parameter; editing it is the local `aws ssm put-parameter`
    sites.json                  the list of the next run, if there is one; former-sites.json is the one before it
    logs/                       what the functions and the engine printed

Every write goes to a temporary file that is then renamed, so that a reader, or the next process after a `kill -9`,
sees the old content or the new, never a mixture. The file system is the index: only `state.json` is read at start,
and nothing is kept in memory. Secrets are never stored here, and nothing outside is touched: symbolic links below the
directory are not followed.
"""

import errno
import itertools
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from infra.state import lock
from infra.state.places import TEMPORARY, check_folder, check_places, left_over
from infra.state.regular_files import open_file, read_file

SCHEMA_VERSION = 1

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM})
"""Errors after which other writes will probably fail too: a full, read-only, failing or forbidden disk."""


class CorruptState(Exception):  # noqa: N818
    """The state directory cannot be read. It was renamed; the message gives the new name."""


class CannotStore(OSError):  # noqa: N818
    """A file of the state directory could not be written. The message has the errno, its text and the file."""

    def __init__(self, error: OSError, path: Path) -> None:
        super().__init__(error.errno, f"{path} could not be written: [Errno {error.errno}] {error.strerror}")

    def __str__(self) -> str:
        return str(self.strerror)


class StateDirectory:
    """One directory, locked for one process while open.

    Opening raises StateDirInUse, UnsafeState, CannotStore, or CorruptState after renaming the old directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.notices: list[str] = []  # what the user should know: files that were set aside
        self._lock: int | None = None
        self._names = itertools.count()
        self._own_folders: set[str] = set()
        self.when_full: Callable[[CannotStore], None] = lambda _: None  # called when other writes will fail too

    def open(self) -> Self:
        self.path.mkdir(parents=True, exist_ok=True)
        check_places(self.path)
        self._lock = lock.acquire(self.path)
        try:
            temporary = self.path / TEMPORARY
            temporary.mkdir(exist_ok=True)
            for abandoned in left_over(temporary):
                abandoned.unlink()
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
        """Replace a whole file, creating its folders. On return it survives the end of this process,
        and a power cut never leaves it half written.

        Raises UnsafeState, or CannotStore without leaving a partial file.
        """
        self.check_folder(path.parent)
        try:
            self._replace(path, content)
        except OSError as error:
            failed = CannotStore(error, path)
            if error.errno in FULL:
                self.when_full(failed)
            raise failed from None

    def _replace(self, path: Path, content: bytes) -> None:
        temporary = self._write_temporary(content)
        try:
            try:
                os.replace(temporary, path)  # noqa: PTH105
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.replace(temporary, path)  # noqa: PTH105
        except OSError:
            os.unlink(temporary)  # noqa: PTH108
            raise

    def check_folder(self, folder: Path | str) -> None:
        """Raises UnsafeState where a link on the way to a folder would lead out of the state directory."""
        if (name := str(folder)) not in self._own_folders:
            check_folder(self.path, Path(folder))
            self._own_folders.add(name)

    def _write_temporary(self, content: bytes) -> str:
        while True:
            temporary = f"{self.path}/{TEMPORARY}/{os.getpid()}-{next(self._names)}"
            try:
                descriptor = open_file(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            except FileExistsError:  # never write to a file that something else put there
                continue
            try:
                with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                    file.write(content)
                    file.flush()
                    os.fsync(descriptor)  # before the rename, so that the file is complete even after a power cut
            except OSError:
                os.unlink(temporary)  # noqa: PTH108
                raise
            return temporary

    def set_aside(self, path: Path, reason: str) -> Path:
        """Rename a file that cannot be read, and add a notice about it."""
        kept = self.path / "corrupt" / _now() / path.relative_to(self.path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        path.replace(kept)
        self.notices.append(f"{path.relative_to(self.path)} could not be read ({reason}); it is kept as {kept}.")
        return kept

    def deployed(self) -> dict[str, str]:
        """The parameter values that the template had when it was last deployed into this directory."""
        values = self._state().get("deployed")
        return {name: str(value) for name, value in values.items()} if isinstance(values, dict) else {}

    def remember_deployed(self, values: dict[str, str]) -> None:
        state = {"schema_version": SCHEMA_VERSION, "deployed": values}
        self.write(self.path / "state.json", json.dumps(state, indent=2).encode() + b"\n")

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(read_file(self.path / "state.json"))
        return state

    def _check_schema(self) -> None:
        if not (self.path / "state.json").exists():
            self.remember_deployed({})
            return
        try:
            found = self._state()["schema_version"]
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
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


def _now() -> str:
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
