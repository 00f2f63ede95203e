"""The state directory as the read-only bucket that functions expect, and what a run leaves beside it."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.state.places import UnsafeState, check_folder
from infra.state.queued_misses import read_messages
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


@dataclass(frozen=True)
class LocalEvidence:
    """Counts messages and lines of log."""

    state_dir: Path
    late_s = 0.0

    def waiting(self) -> int:
        return len(read_messages(self.state_dir, "waiting"))

    def logged(self, run_id: str) -> int:
        try:
            text = read_file(self.state_dir / "logs" / "Collector.log").decode("utf-8", "replace")
        except OSError:  # there is none, or it is something else
            return 0
        return sum(_is_of(run_id, line) for line in text.splitlines())


def _is_of(run_id: str, line: str) -> bool:
    try:
        fields = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and fields.get("run_id") == run_id
