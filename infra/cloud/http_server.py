"""The embedded cloud over HTTP on loopback: for `sam local invoke`, the runtime emulator and the aws command line.

The router that answers this process's calls also answers signed AWS requests to any path, if they are signed with the
access key of a role or of the laptop's user. These keys are drawn at random when the cloud opens. Requests that name
another host, or that a web page sends, are refused before their body is read.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from infra import loopback
from infra.cloud import aws_response, services
from infra.cloud.moto_patches.interception import Router

_SIGNED_FOR = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/aws4_request")
_INVOKE = re.compile(r"/2015-03-31/functions/[^/]+/invocations$")


class _Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open, as every AWS SDK expects

    def log(self, type: str, message: str, *args: Any) -> None: ...  # noqa: A002 - werkzeug's name


@contextmanager
def served(router: Router, knows: Callable[[str], bool], port: int, host: str = "127.0.0.1") -> Iterator[str]:
    """The URL to give as AWS_ENDPOINT_URL. Port 0 takes a free one. `knows` decides about access keys."""
    server = make_server(host, port, _application(router, knows, host), threaded=True, request_handler=_Silent)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="cloud-http"
    )
    thread.start()
    try:
        yield f"http://{host}:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _application(router: Router, knows: Callable[[str], bool], host: str) -> Any:
    @Request.application
    def answer(request: Request) -> Response:
        address = request.environ["werkzeug.socket"].getsockname()[:2]
        if why := loopback.refusal(request.headers.get("Host"), request.headers.get("Origin"), address, host):
            return _refused(why)
        signed_for = _SIGNED_FOR.search(request.headers.get("Authorization", ""))
        if signed_for is None:
            return _refused("The embedded cloud answers signed AWS requests.")
        if not knows(signed_for[1]):
            return _refused(
                "The request is not signed with the access key that `nightfold cloud` printed at its start."
            )
        service = services.signed_for(signed_for[2])
        target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        operation = "Invoke" if service.name == "lambda" and _INVOKE.search(request.path) else target
        if service.name == "s3":
            operation = {"PUT": "PutObject", "GET": "GetObject"}.get(request.method, request.method)
        headers = HTTPHeaders.from_dict(
            {name: value for name, value in request.headers.items() if name.lower() != "host"}
        )
        path = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.full_path
        url = f"https://{service.address}{path}"
        prepared = AWSPreparedRequest(request.method, url, headers, request.get_data(), stream_output=False)
        try:
            answered = router(service.name, operation, prepared)
        except Exception as error:  # this server cannot break off a connection
            answered = aws_response.error(
                prepared, service.name, 500, "InternalFailure", f"{type(error).__name__}: {error}"
            )
        kept = {
            name: value
            for name, value in answered.headers.items()
            if name.lower() not in {"content-length", "connection"}
        }
        return Response(answered.content, answered.status_code, kept)

    return answer


def _refused(why: str) -> Response:
    """Refuse without reading the body, and close the connection."""
    return Response(f"{why}\n", 403, {"Connection": "close"}, mimetype="text/plain")
