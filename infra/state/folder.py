"""The state directory as the read-only bucket that functions expect."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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

    def run_ids(self) -> Iterator[str]:
        return (folder.name for folder in (self.path / "runs").glob("*") if folder.is_dir())
