"""The functions' log groups as the files that their output goes to."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

from infra.cloud.services import ACCOUNT, REGION
from infra.state.regular_files import read_file

_EQUALS = re.compile(r'\{\s*\$\.(\w+)\s*=\s*"([^"]*)"\s*\}')  # { $.run_id = "nightly-2026-11-23" }


@contextmanager
def durable() -> Iterator[None]:
    """While this is open, `attach` takes effect. moto's class is patched and later restored."""
    from moto.logs.models import LogsBackend
    from moto.logs.utils import EventMessageFilter

    filter_log_events = LogsBackend.filter_log_events

    def from_file(backend: Any, log_group_name: str, *more: Any) -> Any:
        file = getattr(backend.groups.get(log_group_name), "attached", None)
        if file is None:
            return filter_log_events(backend, log_group_name, *more)
        _streams, start_time, end_time, limit, _token, pattern, _interleaved = more
        equal = _EQUALS.fullmatch(pattern or "")
        matches = _has_field(equal[1], equal[2]) if equal else EventMessageFilter(pattern or "").matches
        found = [
            {"logStreamName": "local", "timestamp": at, "message": line, "ingestionTime": at, "eventId": str(number)}
            for number, (at, line) in enumerate(_lines(file))
            if (start_time or 0) <= at and (not end_time or at <= end_time) and matches(line)
        ]
        return found[: limit or None], None, []

    with mock.patch.object(LogsBackend, "filter_log_events", from_file):
        yield


def attach(group: str, file: Path) -> None:
    """From now on this log group has the lines of `file`, which may not exist yet."""
    from moto.logs.models import logs_backends

    logs_backends[ACCOUNT][REGION].groups[group].attached = file  # type: ignore[attr-defined]


def _has_field(name: str, value: str) -> Any:
    def matches(line: str) -> bool:
        fields = _fields(line)
        return isinstance(fields, dict) and fields.get(name) == value

    return matches


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Each line with its time in milliseconds since 1970; a line without one has that of the line before."""
    at = 0
    try:
        text = read_file(file).decode("utf-8", "replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        fields = _fields(line)
        if isinstance(fields, dict) and isinstance(fields.get("timestamp"), str):
            with suppress(ValueError):
                at = int(datetime.fromisoformat(fields["timestamp"]).timestamp() * 1_000)
        yield at, line


def _fields(line: str) -> Any:
    try:
        return json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        return None
