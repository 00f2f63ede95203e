"""The queues' messages as plain files, one each. A message that was in flight when the process ended waits again."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.state.directory import StateDirectory


@dataclass
class StoredMessage:
    """One message, as its file shows it. Times are milliseconds since 1970."""

    message_id: str
    body: str
    sent_at: int
    first_received_at: int | None = None
    receive_count: int = 0
    delayed_until: float = 0.0
    attributes: dict[str, Any] = field(default_factory=dict)
    system_attributes: dict[str, Any] = field(default_factory=dict)
    receipt_handles: list[str] = field(default_factory=list)  # the newest last; each of them can still delete it


class Messages:
    """The files of one queue."""

    def __init__(self, state: StateDirectory, queue: str) -> None:
        self._state = state
        self.folder = state.path / "queues" / queue

    def put(self, message: StoredMessage) -> None:
        content = json.dumps(asdict(message), indent=2, ensure_ascii=False, default=_as_text)
        # A lone surrogate is legal in a Python string and not in UTF-8: JSON's own escape keeps it.
        self._state.write(self.path(message.message_id), content.encode("utf-8", "backslashreplace") + b"\n")

    def delete(self, message_id: str) -> None:
        self.path(message_id).unlink(missing_ok=True)

    def path(self, message_id: str) -> Path:
        return self.folder / f"{message_id}.json"

    def load(self) -> list[StoredMessage]:
        """All messages, the oldest first. A file that is no message is set aside, and the state's notices say so."""
        return sorted(self._readable(), key=lambda message: (message.sent_at, message.message_id))

    def _readable(self) -> Iterator[StoredMessage]:
        try:
            with os.scandir(self.folder) as found:
                entries = list(found)
        except FileNotFoundError:
            return
        for entry in entries:
            path = Path(entry.path)
            try:
                message = _message(json.loads(path.read_bytes()), path.stem)
            except (ValueError, TypeError, OSError) as error:
                self._state.set_aside(path, f"{type(error).__name__}: {error}")
            else:
                yield message


def _message(fields: dict[str, Any], message_id: str) -> StoredMessage:
    message = StoredMessage(**fields)
    if not isinstance(message.body, str) or message.message_id != message_id:
        raise ValueError("it is not the message that its name says")
    message.sent_at, message.receive_count = int(message.sent_at), int(message.receive_count)
    return message


def _as_text(value: Any) -> str:
    """The value of a binary message attribute."""
    return bytes(value).decode("latin-1")
