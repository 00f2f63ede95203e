"""Between a command and the embedded cloud over HTTP: AWS that throttles, loses answers and lets credentials expire.

    with FaultyAWS(url) as aws:
        aws.fault = in_turn(throttled, lost)
        … a command with AWS_ENDPOINT_URL=aws.url …
        assert aws.met == {"s3:GetObject": 2, …}

Operations are named as IAM names them, so that they can be compared with a policy.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders

from infra.cloud import aws_response, services
from infra.cloud.iam import SAME_PERMISSION
from tests.support.faults import LoseTheAnswer, NeverArrive, Refuse


@dataclass(frozen=True)
class CutShort:
    """AWS does what was asked, and the connection breaks in the middle of the answer."""


Fault = Refuse | NeverArrive | LoseTheAnswer | CutShort
OfService = Callable[[str], Fault]
Hook = Callable[[str, str, int], Fault | None]
_THROTTLED = {  # where it is not 400 ThrottlingException
    "s3": Refuse(503, "SlowDown"),
    "cloudformation": Refuse(400, "Throttling"),
    "sqs": Refuse(400, "RequestThrottled"),
    "sns": Refuse(400, "Throttling"),
    "sts": Refuse(400, "Throttling"),
    "lambda": Refuse(429, "TooManyRequestsException"),
}
_EXPIRED = {  # where it is not 400 ExpiredTokenException
    "s3": Refuse(400, "ExpiredToken"),
    "cloudformation": Refuse(403, "ExpiredToken"),
    "sqs": Refuse(403, "ExpiredToken"),
    "sns": Refuse(403, "ExpiredToken"),
    "sts": Refuse(403, "ExpiredToken"),
    "lambda": Refuse(403, "ExpiredTokenException"),
}


def throttled(service: str) -> Refuse:
    """As the service itself says it; `service` as IAM names it."""
    return _THROTTLED.get(service, Refuse(400, "ThrottlingException"))


def expired(service: str) -> Refuse:
    return _EXPIRED.get(service, Refuse(400, "ExpiredTokenException"))


def lost(_: str) -> LoseTheAnswer:
    return LoseTheAnswer()


def never_arrived(_: str) -> NeverArrive:
    return NeverArrive()


def cut_short(_: str) -> CutShort:
    return CutShort()


class FaultyAWS:
    """`calls`: what was asked, with every attempt; `met`: how many of these met a fault. `fault` is asked for each call
    with its service, its name and how many of that name have met a fault."""

    def __init__(self, upstream: str) -> None:
        self.calls, self.met = Counter[str](), Counter[str]()
        self.fault: Hook = lambda *_: None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, urlsplit(upstream).netloc))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="faulty-aws").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def meets(self, service: str, operation: str) -> Fault | None:
        called = f"{services.signed_for(service).scope}:{operation}"
        action = SAME_PERMISSION.get(called, called)
        with self._lock:
            self.calls[action] += 1
            fault = self.fault(service, action, self.met[action])
            if fault is not None:
                self.met[action] += 1
        return fault


def in_turn(*of_service: OfService, never_lost: Set[str] = frozenset()) -> Hook:
    """The first calls of every operation meet these faults, one after the other; those that are never lost, only such
    faults that come before anything is done."""

    def fault(service: str, action: str, met: int) -> Fault | None:
        if met >= len(of_service):
            return None
        found = of_service[met](service)
        return NeverArrive() if action in never_lost and isinstance(found, LoseTheAnswer | CutShort) else found

    return fault


def always(action: str, of_service: OfService) -> Hook:
    """Every call of one operation meets the fault."""
    return lambda service, called, _: of_service(service) if called == action else None


_SIGNED_FOR = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/aws4_request")
_OF_OBJECTS = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


def _operation(service: str, method: str, path: str, headers: Any, body: bytes) -> str:
    at = urlsplit(path)
    if service == "s3":
        return "ListObjectsV2" if "list-type=2" in at.query else _OF_OBJECTS.get(method, method)
    if target := headers.get("X-Amz-Target"):
        return str(target).rpartition(".")[2]
    if action := parse_qs(body.decode("latin-1")).get("Action"):
        return action[0]
    return next((name for verb, address, name in _rest(service) if verb == method and address.fullmatch(at.path)), "")


@cache
def _rest(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    """Method, path and name of each operation of a service that tells its calls apart in this way."""
    model = botocore.session.get_session().get_service_model(service)
    described = ((name, model.operation_model(name).http) for name in model.operation_names)
    return [
        (http["method"], re.compile(re.sub(r"\{\w+\}", "[^/]+", http["requestUri"].partition("?")[0])), name)
        for name, http in described
    ]


def _handler(aws: FaultyAWS, upstream: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # answers Expect: 100-continue, which botocore sends with an object
        disable_nagle_algorithm = True
        wbufsize = -1  # a header and its body leave in one write

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            signed = _SIGNED_FOR.search(self.headers.get("Authorization") or "")
            service = signed[1] if signed else ""
            fault = aws.meets(service, _operation(service, self.command, self.path, self.headers, body))
            match fault:
                case Refuse(status, code, message):
                    asked = AWSPreparedRequest(self.command, self.path, HTTPHeaders(), body, stream_output=False)
                    refused = aws_response.error(asked, services.signed_for(service).name, status, code, message)
                    self._write(status, dict(refused.headers), refused.content)
                case NeverArrive():
                    self.close_connection = True
                case LoseTheAnswer():
                    self._pass_on(body)
                    self.close_connection = True
                case CutShort():
                    status, headers, content = self._pass_on(body)
                    if content:  # there is no half of nothing
                        whole = {"Content-Length": str(len(content))}
                        self._write(status, headers | whole, content[: len(content) // 2])
                    self.close_connection = True
                case None:
                    self._write(*self._pass_on(body))

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - the standard library's names

        def _pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            kept = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "expect"}}
            connection = HTTPConnection(upstream, timeout=60)
            try:
                connection.request(self.command, self.path, body, kept)
                answered = connection.getresponse()
                return answered.status, dict(answered.getheaders()), answered.read()
            finally:
                connection.close()

        def _write(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    return Handler
