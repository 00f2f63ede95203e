"""The bucket as plain files.

moto's bucket gets another container for its objects, so that every access path uses it: boto3 in this process, the
HTTP server, and the interpreter. A write is on disk before its response is made.
"""

import hashlib
import mimetypes
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from unittest import mock
from urllib.parse import unquote

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from infra.cloud import aws_response
from infra.cloud.moto_patches.cloudformation import ACCOUNT, REGION
from infra.cloud.moto_patches.interception import Permit, access_key, body_of
from infra.cloud.moto_patches.no_tracking import Untracked
from infra.state.object_files import KeyIsNoPath, Objects

Stored = Callable[[str, bytes], None]

_PLAIN = frozenset(
    (
        *("authorization", "content-length", "content-md5", "content-type", "expect", "host", "user-agent"),
        *("amz-sdk-invocation-id", "amz-sdk-request", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"),
        *("x-amzn-trace-id", "x-amz-checksum-mode"),
    )
)
_ADDRESS = re.compile(r"https://([a-z0-9.-]+)\.s3(?:\.us-east-1)?\.amazonaws\.com/([^?]+)")
_attached: dict[str, tuple[Objects, Stored]] = {}


def answer_plainly(operation: str, request: AWSPreparedRequest, permit: Permit) -> AWSResponse | None:
    """GetObject and PutObject without a condition or an option, five of which each site needs: moto takes three times
    as long (measured). None for all else: moto answers."""
    address = _ADDRESS.fullmatch(request.url)
    if operation not in {"GetObject", "PutObject"} or address is None or address[1] not in _attached:
        return None
    if any(name.lower() not in _PLAIN for name in request.headers):
        return None
    bucket, key = address[1], unquote(address[2])
    if not permit(access_key(request), f"s3:{operation}", f"arn:aws:s3:::{bucket}/{key}"):
        return None
    objects, stored = _attached[bucket]
    if operation == "PutObject":
        content = body_of(request)
        try:
            objects.put(key, content)
        except KeyIsNoPath:
            return None
        stored(key, content)
        return aws_response.plain(request, 200, {"ETag": _etag(content)}, b"")
    found = objects.get(key)
    if found is None:
        return aws_response.error(request, "s3", 404, "NoSuchKey", "The specified key does not exist.")
    described = {
        "content-type": _kind(key),
        "ETag": _etag(found[0]),
        "last-modified": formatdate(found[1], usegmt=True),
    }
    return aws_response.plain(request, 200, described, found[0])


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _kind(key: str) -> str:
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
            for name in _attached:  # moto empties its buckets object by object, and would read every file
                s3_backends[ACCOUNT]["aws"].buckets[name].keys = _VersionedKeyStore()
            _attached.clear()


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
            described["Content-Type"] = _kind(self.name)
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
    _attached[name] = objects, stored
