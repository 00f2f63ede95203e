"""The bucket as plain files.

moto's bucket gets another container for its objects, so that every access path uses it: boto3 in this process, the
HTTP server, and the interpreter. A write is on disk before its response is made.
"""

import mimetypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from infra.cloud.moto_patches.no_tracking import Untracked
from infra.cloud.services import ACCOUNT, REGION
from infra.state.object_files import Objects

Stored = Callable[[str, bytes], None]

attached: dict[str, tuple[Objects, Stored]] = {}  # by the bucket's name


def content_type(key: str) -> str:
    return mimetypes.guess_type(key)[0] or "binary/octet-stream"


@contextmanager
def durable() -> Iterator[None]:
    """While this is open, `attach` takes effect. moto's classes are patched and later restored."""
    from moto.s3.models import FakeKey, S3Backend, s3_backends
    from moto.s3.responses import S3Response
    from moto.s3.utils import _VersionedKeyStore

    list_objects, put_object = S3Backend.list_objects, S3Response.put_object
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
        """moto checks If-Match and If-None-Match first and writes later: two writers could both win."""
        with locks[hash(answer.path) % len(locks)]:
            return put_object(answer)

    with (
        mock.patch.object(FakeKey, "instances_tracked", Untracked()),
        mock.patch.object(S3Backend, "list_objects", listed),
        mock.patch.object(S3Response, "put_object", put_alone),
    ):
        try:
            yield
        finally:
            for name in attached:  # moto empties its buckets object by object, and would read every file
                s3_backends[ACCOUNT]["aws"].buckets[name].keys = _VersionedKeyStore()
            attached.clear()


def attach(name: str, objects: Objects, stored: Stored) -> None:
    """From now on this bucket's objects are files. `stored(key, content)` is called for each one written."""
    from moto.s3.models import FakeDeleteMarker, FakeKey, s3_backends
    from moto.s3.utils import _VersionedKeyStore
    from moto.utilities.utils import LowercaseDict, md5_hash

    made_by_moto = FakeKey("blank", b"", ACCOUNT, REGION, bucket_name=name, version_id="null")
    blank = dict(vars(made_by_moto))
    made_by_moto.dispose()

    class StoredKey(FakeKey):
        """An object that is a file, read at the first access to its content."""

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
            described["Content-Type"] = content_type(self.name)
            return described

        def dispose(self, garbage: bool = False) -> None: ...

    setattr(StoredKey, "instances_tracked", Untracked())  # noqa: B010 - set by a metaclass that no type checker sees

    class Written(FakeKey):
        """An object that moto has just created and that is now on disk: moto need not warn that it was not closed."""

        def dispose(self, garbage: bool = False) -> None:  # noqa: ARG002
            self._value_buffer.close()

    class Files(_VersionedKeyStore):
        """moto's dictionary of key → versions. Here the file is the only version."""

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
            if type(newest) is FakeKey:
                newest.__class__ = Written
            content = newest.value
            objects.put(key, content)
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
    attached[name] = objects, stored
