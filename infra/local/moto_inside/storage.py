"""The bucket, the queues and the configuration parameter, written through to the state directory.

moto's own objects are given other classes or other containers, so that every way in counts: boto3 in this process,
the HTTP server, and the interpreter. A write is on disk before its answer is made. What moto does in quadratic time or
without a lock is done here in linear time and with one.
"""

import mimetypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from infra.local.messages import Messages, StoredMessage
from infra.local.moto_inside.deployment import ACCOUNT, REGION
from infra.local.objects import KeyIsNoPath, Objects
from infra.local.state import StateDirectory

Stored = Callable[[str, bytes], None]


class _Untracked(list[Any]):
    """moto lists every object and message ever made, for its own tests: memory that never comes back."""

    def append(self, _: Any) -> None: ...


@contextmanager
def durable() -> Iterator[None]:
    """While this is open, `attach_…` below takes effect. moto's classes are patched, and restored."""
    from moto.core.exceptions import JsonRESTError
    from moto.s3.models import FakeKey, S3Backend
    from moto.s3.responses import S3Response
    from moto.sqs.models import Message, SQSBackend
    from moto.ssm.models import SimpleSystemManagerBackend

    list_objects, put_object = S3Backend.list_objects, S3Response.put_object
    receive, get_parameter = SQSBackend.receive_message, SimpleSystemManagerBackend.get_parameter
    put_parameter = SimpleSystemManagerBackend.put_parameter
    locks = [threading.Lock() for _ in range(64)]

    def listed(backend: Any, bucket: Any, prefix: Any, delimiter: Any, marker: Any, max_keys: Any) -> Any:
        if not hasattr(bucket.keys, "list"):
            return list_objects(backend, bucket, prefix, delimiter, marker, max_keys)
        keys, folders = bucket.keys.list(prefix or "", delimiter or "")
        if marker:
            keys = backend._get_results_from_token(keys, backend._pagination_tokens.get(marker) or marker)
        if max_keys is None:
            return keys, folders, False, None
        keys, truncated, next_marker = backend._truncate_result(keys, max_keys)
        return keys, folders, truncated, next_marker

    def put_alone(answer: Any) -> Any:
        """moto looks at If-Match and If-None-Match first and writes later: two writers could both be the first."""
        with locks[hash(answer.path) % len(locks)]:
            try:
                return put_object(answer)
            except KeyIsNoPath as error:
                raise JsonRESTError("InvalidRequest", str(error)) from None

    def receive_alone(backend: Any, queue_name: str, count: int, wait: int, visibility: int, names: Any = None) -> Any:
        """moto gives one message to two receivers that ask at the same moment."""
        queue = backend.get_queue(queue_name)
        if not hasattr(queue, "store"):
            return receive(backend, queue_name, count, wait, visibility, names)
        deadline = time.monotonic() + wait
        while True:
            with queue.receiving:
                received = receive(backend, queue_name, count, 0, visibility, names)
            left = deadline - time.monotonic()
            if received or left <= 0:
                return received
            queue.wait_for_messages(min(1, left))

    def get_parameter_from_file(backend: Any, name: str) -> Any:
        attached = getattr(backend, "attached_parameter", None)
        if attached is not None and name.partition(":")[0].endswith(attached.name):
            attached.refresh(backend)
        return get_parameter(backend, name)

    def put_parameter_to_file(backend: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        parameter = put_parameter(backend, name, *args, **kwargs)
        attached = getattr(backend, "attached_parameter", None)
        if attached is not None and name == attached.name:
            attached.write(backend)
        return parameter

    with (
        mock.patch.object(FakeKey, "instances_tracked", _Untracked()),
        mock.patch.object(Message, "instances_tracked", _Untracked()),
        mock.patch.object(S3Backend, "list_objects", listed),
        mock.patch.object(S3Response, "put_object", put_alone),
        mock.patch.object(SQSBackend, "receive_message", receive_alone),
        mock.patch.object(SimpleSystemManagerBackend, "get_parameter", get_parameter_from_file),
        mock.patch.object(SimpleSystemManagerBackend, "put_parameter", put_parameter_to_file),
    ):
        yield


def attach_bucket(name: str, objects: Objects, stored: Stored) -> None:
    """This bucket's objects are files from now on. `stored(key, content)` is told of each that was written."""
    from moto.s3.models import FakeDeleteMarker, FakeKey, s3_backends
    from moto.s3.utils import _VersionedKeyStore
    from moto.utilities.utils import LowercaseDict, md5_hash

    made_by_moto = FakeKey("blank", b"", ACCOUNT, REGION, bucket_name=name, version_id="null")
    blank = dict(vars(made_by_moto))
    made_by_moto.dispose()

    class StoredKey(FakeKey):
        """An object that is a file, read when somebody first asks for what is in it."""

        def __init__(self, key: str, content: tuple[bytes, float] | None = None) -> None:
            self.__dict__.update(blank)
            self.name = key
            self._content = content
            self._etag = None

        @property
        def content(self) -> tuple[bytes, float]:
            if self._content is None:
                self._content = objects.get(self.name) or (b"", 0.0)
            return self._content

        @property
        def value(self) -> bytes:
            return self.content[0]

        @property
        def contentsize(self) -> int:
            return len(self.content[0])

        @contentsize.setter
        def contentsize(self, _: int) -> None: ...

        @property
        def last_modified(self) -> datetime:
            return datetime.fromtimestamp(self.content[1], UTC)

        @last_modified.setter
        def last_modified(self, _: datetime) -> None: ...

        @property
        def etag(self) -> str:
            if self._etag is None:
                self._etag = md5_hash(self.content[0]).hexdigest()
            return f'"{self._etag}"'

        @property
        def metadata(self) -> Any:
            described = LowercaseDict()
            described["Content-Type"] = mimetypes.guess_type(self.name)[0] or "binary/octet-stream"
            return described

        def dispose(self, garbage: bool = False) -> None: ...

    setattr(StoredKey, "instances_tracked", _Untracked())  # noqa: B010 - set by a metaclass that no type checker sees

    class Written(FakeKey):
        """An object that moto has just made and that now lies on disk: nobody need complain that it was not closed."""

        def dispose(self, garbage: bool = False) -> None:  # noqa: ARG002
            self._value_buffer.close()

    class Files(_VersionedKeyStore):
        """moto's dictionary of key → versions. Here there is one version, and it is the file."""

        def __sgetitem__(self, key: str) -> list[Any]:
            if (content := objects.get(key)) is None:
                raise KeyError(key)
            return [StoredKey(key, content)]

        def __contains__(self, key: object) -> bool:
            return objects.has(str(key))

        def __len__(self) -> int:
            return len(objects.list()[0])

        def __setitem__(self, key: str, value: Any) -> None:
            self.setlist(key, [value])

        def setlist(self, key: str, list_: list[Any]) -> None:
            newest = list_[-1]
            if isinstance(newest, FakeDeleteMarker):
                objects.delete(key)
                return
            content = newest.value
            objects.put(key, content)
            if type(newest) is FakeKey:
                newest.__class__ = Written
            stored(key, content)

        def pop(self, key: str) -> None:  # type: ignore[override]
            if not objects.delete(key):
                raise KeyError(key)

        def _self_iterable(self) -> dict[str, Any]:
            return {key: [StoredKey(key)] for key in objects.list()[0]}

        def list(self, prefix: str, delimiter: str) -> Any:
            keys, folders = objects.list(prefix, delimiter)
            return [StoredKey(key) for key in keys], folders

    s3_backends[ACCOUNT]["aws"].buckets[name].keys = Files()


def attach_queue(url: str, store: Messages) -> None:
    """This queue's messages are files from now on; those that lie there already wait in it."""
    from moto.sqs.exceptions import ReceiptHandleIsInvalid
    from moto.sqs.models import Message, Queue, sqs_backends

    class StoredHere(Message):
        """A message with a file. What a receive changes is on disk before the receiver has it."""

        def mark_received(self, visibility_timeout: int | None = None) -> None:
            super().mark_received(visibility_timeout)
            queue.by_handle[str(self.receipt_handle)] = self
            store.put(_to_file(self))

    class Waiting(dict[str, Any]):
        """moto's list of messages, in which finding and removing one take no longer for its length."""

        def __iter__(self) -> Iterator[Any]:
            return iter(list(self.values()))

        def append(self, message: Any) -> None:
            self[message.id] = message

        def remove(self, message: Any) -> None:
            """Only on the way to the dead-letter queue, whose file comes first and this one's end after it."""
            del self[message.id]
            message.left_behind = store

    class DurableQueue(Queue):
        store: Messages
        receiving: Any
        by_handle: dict[str, Any]
        _waiting: Waiting | None

        @property
        def _messages(self) -> Any:
            if self._waiting is None:  # read when somebody first asks
                with self.receiving:
                    if self._waiting is None:
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

        def add_message(self, message: Any) -> None:
            message.__class__ = StoredHere
            for handle in message.all_receipt_handles:
                if handle:
                    self.by_handle[handle] = message
            store.put(_to_file(message))
            left_behind = message.__dict__.pop("left_behind", None)
            if left_behind is not None:
                left_behind.delete(message.id)
            super().add_message(message)

        def delete_message(self, receipt_handle: str) -> None:
            waiting = self._messages
            message = self.by_handle.get(receipt_handle)
            if message is None or message.id not in waiting:
                if len(receipt_handle) < 100:  # AWS refuses what is no handle, and takes one that was used up
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
                    store.delete(stored_message.message_id)  # killed on its way there: it has arrived
                    continue
                message = _from_file(StoredHere, stored_message)
                waiting.append(message)
                for handle in stored_message.receipt_handles:
                    self.by_handle[handle] = message
            return waiting

    setattr(StoredHere, "instances_tracked", _Untracked())  # noqa: B010 - set by a metaclass that no type checker sees
    queue: Any = sqs_backends[ACCOUNT][REGION].get_queue(url.rsplit("/", 1)[-1])
    del queue.__dict__["_messages"]
    queue.__dict__.update(store=store, receiving=threading.RLock(), by_handle={}, _waiting=None)
    queue.__class__ = DurableQueue


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
    handles: list[str | None] = [*stored.receipt_handles] or [None]
    *old, newest = handles
    message.receipt_handle, message._old_receipt_handles = newest, old
    return message


class _ParameterFile:
    """One String parameter whose value is a file: editing it is the local `aws ssm put-parameter`."""

    def __init__(self, name: str, state: StateDirectory, path: Path) -> None:
        self.name, self._state, self._path = name, state, path
        self._seen = 0

    def refresh(self, backend: Any) -> None:
        try:
            changed = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if changed != self._seen:
            backend._parameters[self.name][-1].value = self._path.read_text("utf-8", "replace").strip()
            self._seen = changed

    def write(self, backend: Any) -> None:
        self._state.write(self._path, backend._parameters[self.name][-1].value.encode() + b"\n")


def attach_parameter(name: str, state: StateDirectory, path: Path) -> None:
    """The parameter's value is this file from now on. A template that changed its default changes a file that nobody
    has edited, and leaves one that somebody has."""
    from moto.ssm.models import ssm_backends

    backend: Any = ssm_backends[ACCOUNT][REGION]
    default = backend._parameters[name][-1].value
    deployed = state.deployed()
    attached = backend.attached_parameter = _ParameterFile(name, state, path)
    if not path.exists() or (
        default != deployed.get(path.name) and path.read_text("utf-8", "replace").strip() == deployed.get(path.name)
    ):
        attached.write(backend)
    if default != deployed.get(path.name):
        state.remember_deployed(deployed | {path.name: default})
    attached.refresh(backend)
