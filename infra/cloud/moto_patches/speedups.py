"""What only makes moto faster. A run is correct without it.

Without one of these a run of 400 sites takes over a tenth more processor time; patches that saved less were deleted.
`infra/docs/decisions.md` has the figures.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.utils import formatdate
from functools import lru_cache
from typing import Any, cast
from unittest import mock
from urllib.parse import unquote

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from infra.cloud import aws_response
from infra.cloud.moto_patches import s3
from infra.cloud.moto_patches.interception import Permit, access_key, body_of
from infra.state.object_files import KeyIsNotAPath

_PLAIN = frozenset(
    (
        *("authorization", "content-length", "content-md5", "content-type", "expect", "host", "user-agent"),
        *("amz-sdk-invocation-id", "amz-sdk-request", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"),
        *("x-amzn-trace-id", "x-amz-checksum-mode"),
    )
)
_ADDRESS = re.compile(r"https://([a-z0-9.-]+)\.s3(?:\.us-east-1)?\.amazonaws\.com/([^?]+)")


@contextmanager
def paths_parsed_once() -> Iterator[None]:
    """moto builds a parser at every use of a JSONPath."""
    from moto.stepfunctions.parser.asl.component.common.path import result_path
    from moto.stepfunctions.parser.asl.utils import json_path

    with ExitStack() as patches:
        for module in (json_path, result_path):
            parse_once: Any = lru_cache(maxsize=1_000)(cast(Any, module).parse)
            patches.enter_context(mock.patch.object(module, "parse", parse_once))
        yield


def answer_plainly(operation: str, request: AWSPreparedRequest, permit: Permit) -> AWSResponse | None:
    """GetObject and PutObject without a condition or an option, five of which each site needs. None for all other
    calls, which moto answers."""
    address = _ADDRESS.fullmatch(request.url)
    if operation not in {"GetObject", "PutObject"} or address is None or address[1] not in s3.attached:
        return None
    if any(name.lower() not in _PLAIN for name in request.headers):
        return None
    bucket, key = address[1], unquote(address[2])
    if not permit(access_key(request), f"s3:{operation}", f"arn:aws:s3:::{bucket}/{key}"):
        return None
    objects, stored = s3.attached[bucket]
    if operation == "PutObject":
        content = body_of(request)
        try:
            objects.put(key, content)
        except KeyIsNotAPath:
            return None
        stored(key, content)
        return aws_response.plain(request, 200, {"ETag": _etag(content)}, b"")
    found = objects.get(key)
    if found is None:
        return aws_response.error(request, "s3", 404, "NoSuchKey", "The specified key does not exist.")
    described = {
        "content-type": s3.content_type(key),
        "ETag": _etag(found[0]),
        "last-modified": formatdate(found[1], usegmt=True),
    }
    return aws_response.plain(request, 200, described, found[0])


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
