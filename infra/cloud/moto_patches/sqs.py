"""The queues as plain files, one for each message.

moto's queues and messages get other classes. A change is on disk before the caller gets its response. What moto does
in quadratic time, or without a lock, is done here in linear time and with a lock.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from infra.cloud.moto_patches.no_tracking import Untracked
from infra.cloud.services import ACCOUNT, REGION
from infra.state.message_files import Messages, StoredMessage


class _Sending(threading.local):
    now = False


_sending = _Sending()


@contextmanager
def durable() -> Iterator[None]:
    """While this is open, every queue has to be attached. moto's classes are patched and later restored."""
    from moto.sqs.exceptions import ReceiptHandleIsInvalid
    from moto.sqs.models import Message, SQSBackend

    receive, send = SQSBackend.receive_message, SQSBackend.send_message

    def receive_alone(backend: Any, queue_name: str, count: int, wait: int, visibility: int, names: Any = None) -> Any:
        """moto gives one message to two receivers that call at the same time."""
        queue = backend.get_queue(queue_name)
        deadline = time.monotonic() + wait
        while True:
            with queue.receiving:
                received = receive(backend, queue_name, count, 0, visibility, names)
            left = deadline - time.monotonic()
            if received or left <= 0:
                return received
            queue.wait_for_messages(min(1, left))

    def send_without_counting(*args: Any, **kwargs: Any) -> Any:
        """moto counts all messages of the queue several times before it adds one."""
        _sending.now = True
        try:
            return send(*args, **kwargs)
        finally:
            _sending.now = False

    def change_visibility(backend: Any, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        """moto searches all messages of the queue, and measures the longest visibility timeout from when a message was
        sent: one that has waited for half a day could no longer be hidden."""
        queue = backend.get_queue(queue_name)
        with queue.receiving:
            message = queue.by_handle.get(receipt_handle)
            if message is None:
                raise ReceiptHandleIsInvalid
            message.change_visibility(visibility_timeout)
            if message.visible:
                queue.pending_messages.discard(message)

    with (
        mock.patch.object(Message, "instances_tracked", Untracked()),
        mock.patch.object(SQSBackend, "send_message", send_without_counting),
        mock.patch.object(SQSBackend, "receive_message", receive_alone),
        mock.patch.object(SQSBackend, "change_message_visibility", change_visibility),
        # A laptop may be off for longer than the retention period: a message in a file stays until it is received.
        mock.patch.object(SQSBackend, "is_message_valid_based_on_retention_period", return_value=True),
    ):
        yield


def attach(url: str, store: Messages) -> None:
    """From now on this queue's messages are files; existing files are its waiting messages."""
    from moto.sqs.exceptions import ReceiptHandleIsInvalid
    from moto.sqs.models import Message, Queue, sqs_backends

    class FileMessage(Message):
        """A message with a file. The change that a receive makes is on disk before the receiver has the message."""

        def mark_received(self, visibility_timeout: int | None = None) -> None:
            super().mark_received(visibility_timeout)
            queue.by_handle[str(self.receipt_handle)] = self
            store.put(_to_file(self))

    class Waiting(dict[str, Any]):
        """moto's list of messages, in which finding and removing one takes constant time."""

        def __iter__(self) -> Iterator[Any]:
            return iter(list(self.values()))

        def append(self, message: Any) -> None:
            self[message.id] = message

        def remove(self, message: Any) -> None:
            """Only on the way to the dead-letter queue: the file there is written before this one is deleted."""
            del self[message.id]
            message.left_behind = store

    class DurableQueue(Queue):
        store: Messages
        receiving: Any
        by_handle: dict[str, Any]
        _waiting: Waiting | None

        @property
        def _messages(self) -> Any:
            with self.receiving:
                if self._waiting is None:  # read at the first access
                    self._waiting = self._load()
                return self._waiting

        @_messages.setter
        def _messages(self, _: list[Any]) -> None:  # a purge
            for message in self._messages:
                store.delete(message.id)
            self._waiting = Waiting()
            self.by_handle.clear()

        @property
        def messages(self) -> list[Any]:
            now = time.time() * 1000
            return [m for m in self._messages if m.visible_at < now and m.delayed_until <= now]

        approximate_number_of_messages = _counted(lambda message: message.visible and not message.delayed)
        approximate_number_of_messages_delayed = _counted(lambda message: message.delayed)
        approximate_number_of_messages_not_visible = _counted(lambda message: not message.visible)

        def add_message(self, message: Any) -> None:
            message.__class__ = FileMessage
            self.by_handle |= {handle: message for handle in message.all_receipt_handles if handle}
            store.put(_to_file(message))
            if (left_behind := message.__dict__.pop("left_behind", None)) is not None:
                left_behind.delete(message.id)
            super().add_message(message)

        def delete_message(self, receipt_handle: str) -> None:
            waiting = self._messages
            message = self.by_handle.get(receipt_handle)
            if message is None or message.id not in waiting:
                if len(receipt_handle) < 100:  # AWS refuses an invalid handle, and accepts one that has been used
                    raise ReceiptHandleIsInvalid
                return
            store.delete(message.id)
            waiting.pop(message.id, None)
            self.pending_messages.discard(message)
            for handle in message.all_receipt_handles:
                self.by_handle.pop(handle, None)

        def _load(self) -> Waiting:
            waiting = Waiting()
            parked = getattr(self.dead_letter_queue, "store", None)
            for stored_message in store.load():
                if parked is not None and parked.path(stored_message.message_id).exists():
                    store.delete(stored_message.message_id)  # killed during the move: the message has arrived
                    continue
                message = _from_file(FileMessage, stored_message)
                waiting.append(message)
                self.by_handle |= dict.fromkeys(stored_message.receipt_handles, message)
            return waiting

    setattr(FileMessage, "instances_tracked", Untracked())  # noqa: B010 - set by a metaclass that no type checker sees
    queue: Any = sqs_backends[ACCOUNT][REGION].get_queue(url.rsplit("/", 1)[-1])
    del queue.__dict__["_messages"]
    queue.__dict__.update(store=store, receiving=threading.RLock(), by_handle={}, _waiting=None)
    queue.__class__ = DurableQueue


def _counted(of: Callable[[Any], bool]) -> Any:
    return property(lambda queue: 0 if _sending.now else sum(map(of, queue._messages)))


def _to_file(message: Any) -> StoredMessage:
    return StoredMessage(
        message_id=message.id,
        body=message.body,
        sent_at=message.sent_timestamp,
        first_received_at=message.approximate_first_receive_timestamp,
        receive_count=message.approximate_receive_count,
        delayed_until=message.delayed_until,
        attributes=message.message_attributes,
        system_attributes=message.system_attributes,
        receipt_handles=[handle for handle in reversed(message.all_receipt_handles) if handle],
    )


def _from_file(kind: type[Any], stored: StoredMessage) -> Any:
    message = kind(stored.message_id, stored.body, stored.system_attributes)
    message.sent_timestamp = stored.sent_at
    message.approximate_first_receive_timestamp = stored.first_received_at
    message.approximate_receive_count = stored.receive_count
    message.delayed_until = stored.delayed_until
    message.message_attributes = stored.attributes
    handles = list[str | None](stored.receipt_handles) or [None]
    *message._old_receipt_handles, message.receipt_handle = handles
    return message
