"""AWS responses as botocore receives them, for the calls that moto does not answer."""

import io
import json as json_
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from infra.cloud import services


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        while content := self.read():
            yield content


def plain(request: AWSPreparedRequest, status: int, headers: Mapping[str, str], body: bytes) -> AWSResponse:
    complete = {"x-amzn-RequestId": str(uuid.uuid4()), "content-length": str(len(body)), **headers}
    return AWSResponse(request.url, status, complete, _Raw(body))  # type: ignore[arg-type]


def json(request: AWSPreparedRequest, value: Any) -> AWSResponse:
    return plain(request, 200, {"content-type": "application/json"}, json_.dumps(value).encode())


def error(request: AWSPreparedRequest, service: str, status: int, code: str, message: str) -> AWSResponse:
    """An error in the service's own protocol. `service` is botocore's name."""
    protocol = services.named(service).errors
    described = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "s3":
        body = f"<Error>{described}</Error>"
        return plain(request, status, {"content-type": "application/xml"}, body.encode())
    if protocol == "query":
        body = f"<ErrorResponse><Error>{described}</Error></ErrorResponse>"
        return plain(request, status, {"content-type": "text/xml"}, body.encode())
    failure = json_.dumps({"__type": code, "message": message}).encode()
    return plain(request, status, {"content-type": "application/json", "x-amzn-errortype": code}, failure)
