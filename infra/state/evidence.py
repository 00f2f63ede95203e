"""What a run leaves outside the bucket of a state directory."""

import json
from dataclasses import dataclass
from pathlib import Path

from infra.state.queued_misses import read_messages
from infra.state.regular_files import read_file


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
