"""The queues' messages as plain files, one each. A message in flight when the process ended is waiting again."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from infra.state.directory import StateDirectory
from infra.state.regular_files import read_file

LARGEST_NUMBER = 253_402_300_799_999  # milliseconds since 1970: the last of the year 9999, where dates end


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
    receipt_handles: list[str] = field(default_factory=list)  # newest last; each can still delete the message


class Messages:
    """The files of one queue."""

    def __init__(self, state: StateDirectory, queue: str) -> None:
        self._state = state
        self.folder = state.path / "queues" / queue

    def put(self, message: StoredMessage) -> None:
        """Write the message; on return it is on disk."""
        content = json.dumps(asdict(message), indent=2, ensure_ascii=False, default=_as_text)
        # A lone surrogate is valid in a Python string but not in UTF-8: a JSON escape keeps it.
        self._state.write(self.path(message.message_id), content.encode("utf-8", "backslashreplace") + b"\n")

    def delete(self, message_id: str) -> None:
        self.path(message_id).unlink(missing_ok=True)

    def path(self, message_id: str) -> Path:
        return self.folder / f"{message_id}.json"

    def load(self) -> list[StoredMessage]:
        """All messages, oldest first. A file that is not a message is set aside, and the state's notices report it."""
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
                yield read_message(path)
            except UnreadableMessage as error:
                self._state.set_aside(path, str(error))


class UnreadableMessage(Exception):  # noqa: N818
    """The file is not a message. The exception's text says why."""


def read_message(path: Path) -> StoredMessage:
    """Raises UnreadableMessage, and FileNotFoundError if the message has been deleted meanwhile."""
    try:
        return _message(json.loads(read_file(path)), path.stem)
    except FileNotFoundError:
        raise
    except (ValueError, TypeError, OSError, RecursionError) as error:
        raise UnreadableMessage(f"{type(error).__name__}: {error}") from None


def _message(document: Any, message_id: str) -> StoredMessage:
    if not isinstance(document, dict):
        raise TypeError("not a JSON object")
    known = {each.name for each in fields(StoredMessage)}
    message = StoredMessage(**{name: value for name, value in document.items() if name in known})
    if not isinstance(message.body, str) or message.message_id != message_id:
        raise ValueError("it is not the message that its name says")
    for name in ("sent_at", "receive_count", "delayed_until", "first_received_at"):
        value = getattr(message, name)
        if not (value is None and name == "first_received_at"):
            setattr(message, name, _number(name, value, float if name == "delayed_until" else int))
    handles = message.receipt_handles
    if not isinstance(handles, list) or not all(isinstance(each, str) for each in handles):
        raise TypeError("receipt_handles is not a list of texts")
    if not isinstance(message.attributes, dict) or not isinstance(message.system_attributes, dict):
        raise TypeError("the attributes are not an object")
    return message


def _number(name: str, value: Any, kind: type[int | float]) -> int | float:
    if type(value) not in {int, float} or not 0 <= value <= LARGEST_NUMBER:  # NaN is in no range
        raise ValueError(f"{name} is not a number from 0 to {LARGEST_NUMBER}")
    return kind(value)


def _as_text(value: Any) -> str:
    """The value of a binary message attribute."""
    return bytes(value).decode("latin-1")
