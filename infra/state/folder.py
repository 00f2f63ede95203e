"""The state directory as the read-only bucket that functions expect."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.state.places import UnsafeState, check_folder
from infra.state.regular_files import NotARegularFile, read_file


@dataclass(frozen=True)
class Folder:
    """The bucket's objects, read from files."""

    path: Path

    def get(self, key: str) -> bytes | None:
        try:
            return read_file(f"{self.path}/{key}")
        except (FileNotFoundError, NotADirectoryError, NotARegularFile):
            return None

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys of the objects under a folder; `prefix` ends with a slash. Links are not followed."""
        try:
            check_folder(self.path, self.path / prefix)
        except UnsafeState:
            return
        for folder, _, files in os.walk(self.path / prefix):
            yield from (f"{Path(folder).relative_to(self.path)}/{name}" for name in files)

    def run_ids(self) -> Iterator[str]:
        return (run.name for run in (self.path / "runs").glob("*/") if not run.is_symlink())
