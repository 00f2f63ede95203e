"""What `nightfold doctor` and `nightfold smoke` find, and how they print it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from infra.cli.terminal import pasteable, to_stdout
from nightfold.errors import InvalidInput

type Status = Literal["ok", "note", "fix"]
SIGNS: Mapping[Status, str] = {"ok": "ok", "note": "--", "fix": "!!"}


@dataclass(frozen=True)
class Finding:
    """What one check has found. A note is about what is optional, not needed now, or not known."""

    status: Status
    found: str
    command: str | None = None  # that fixes or changes it


@dataclass(frozen=True)
class Check:
    """A check and its finding."""

    name: str
    finding: Finding

    @property
    def as_json(self) -> dict[str, str | None]:
        return {
            "check": self.name,
            "status": self.finding.status,
            "found": self.finding.found,
            "command": self.finding.command,
        }

    @property
    def as_text(self) -> list[str]:
        lines = [f"{SIGNS[self.finding.status]}  {pasteable(f'{self.name}: {self.finding.found}')}"]
        return [*lines, f"      {pasteable(self.finding.command, 4_000)}"] if self.finding.command else lines


def ok(found: str) -> Finding:
    return Finding("ok", found)


def note(found: str, command: str | None = None) -> Finding:
    return Finding("note", found, command)


def fix(found: str, command: str | None = None) -> Finding:
    return Finding("fix", found, command)


def looked(checks: Mapping[str, Callable[[], Finding]], unknown: Callable[[str], Finding] = note) -> Iterator[Check]:
    """Each check in turn. What it cannot find out is a note, or what `unknown` makes of it."""
    for name, look in checks.items():
        try:
            yield Check(name, look())
        except InvalidInput as error:
            yield Check(name, unknown(f"not known: {str(error).removeprefix('--stack: ')}"))


def shown(checks: Iterable[Check], *, as_json: bool) -> int:
    """Print each check when it is done, or all as JSON. The exit code: 1 if something has to be fixed."""
    done = []
    for check in checks:
        done.append(check)
        if not as_json:
            to_stdout(check.as_text)
    if as_json:
        to_stdout([json.dumps([check.as_json for check in done], indent=2)])
    return 1 if any(check.finding.status == "fix" for check in done) else 0
