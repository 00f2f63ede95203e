"""The bucket's objects as plain files: the key is the path."""

import os
from collections.abc import Iterator
from pathlib import Path

from infra.state.directory import StateDirectory
from infra.state.places import FILES, TEMPORARY, UnsafeState
from infra.state.regular_files import NotARegularFile, kind_of, open_file

NOT_OBJECTS = frozenset({"queues", "logs", "corrupt", TEMPORARY, *FILES})


class KeyIsNotAPath(Exception):  # noqa: N818
    """An S3 key that cannot be a file below the state directory. S3 itself would accept it."""


NOT_THERE = (FileNotFoundError, NotADirectoryError, NotARegularFile, KeyIsNotAPath, UnsafeState)
"""S3 has no directories or links: what is not a regular file, or is reached through a link, is not an object."""


class Objects:
    """The bucket's contents. Nothing is cached: the user may edit files, and listing costs only what it lists."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state
        self._root = str(state.path)

    def path(self, key: str) -> Path:
        return Path(self._path(key))

    def put(self, key: str, content: bytes) -> None:
        self._state.write(self.path(key), content)

    def get(self, key: str) -> tuple[bytes, float] | None:
        """Content and time of the last write (seconds since 1970); None if there is no such object."""
        try:
            with open(open_file(self._path(key), os.O_RDONLY), "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
                return file.read(), os.fstat(file.fileno()).st_mtime
        except NOT_THERE:
            return None

    def has(self, key: str) -> bool:
        try:
            return kind_of(self._path(key)) == "a regular file"
        except NOT_THERE:
            return False

    def delete(self, key: str) -> bool:
        """Delete the object; returns whether it existed."""
        if not self.has(key):
            return False
        try:
            os.unlink(self._path(key))  # noqa: PTH108
        except NOT_THERE:  # another process deleted it first
            return False
        return True

    def list(self, prefix: str = "", delimiter: str = "") -> tuple[list[str], list[str]]:
        """Keys and common prefixes, each sorted as S3 sorts them.

        With the delimiter "/" only one folder is read, not those below it.
        """
        folder, _, _ = prefix.rpartition("/")
        if folder:
            try:
                self._path(f"{folder}/any")
            except (KeyIsNotAPath, UnsafeState):
                return [], []
        keys: list[str] = []
        prefixes: set[str] = set()
        for key, is_folder in self._walk(folder, deep=delimiter != "/"):
            if not key.startswith(prefix):
                continue
            rest = key[len(prefix) :]
            if delimiter and delimiter in rest:
                prefixes.add(prefix + rest.split(delimiter)[0] + delimiter)
            elif not is_folder:
                keys.append(key)
        return sorted(keys), sorted(prefixes)

    def _walk(self, folder: str, *, deep: bool) -> Iterator[tuple[str, bool]]:
        """Keys below a folder. Without `deep`, a subfolder that is not empty represents everything in it."""
        try:
            with os.scandir(f"{self._root}/{folder}") as found:
                entries = list(found)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            if not folder and entry.name in NOT_OBJECTS:
                continue
            key = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_file(follow_symlinks=False):
                yield key, False
            elif not entry.is_dir(follow_symlinks=False):
                continue
            elif deep:
                yield from self._walk(key, deep=True)
            elif _holds_anything(entry.path):
                yield f"{key}/", True

    def _path(self, key: str) -> str:
        first, *_ = segments = key.split("/")
        if first in NOT_OBJECTS or "\0" in key or not all(segments) or {".", ".."} & set(segments):
            raise KeyIsNotAPath(
                f"{key!r} cannot be an object of the embedded cloud: its key is not a path below the state directory."
            )
        path = f"{self._root}/{key}"
        self._state.check_folder(path.rpartition("/")[0])
        return path


def _holds_anything(folder: str) -> bool:
    with os.scandir(folder) as entries:
        return any(entries)
