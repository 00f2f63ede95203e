"""A Messages API that attacks its callers. Calls without a script are passed on to a well-behaved one.

It uses bare sockets, so that it can break every rule of HTTP, and counts the bytes that its caller read.
"""

import gzip
import json
import socket
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from infra.messages_api.messages_request import find_site, question_of_any

BOMB = 64_000_000  # bytes in memory, from 300 on the wire
ENDLESS = 64_000_000  # bytes after which the server gives up on a caller that reads everything
GOOD = json.dumps([{"title": f"Title {number}", "angle": "An angle."} for number in range(5)])


class Attack(NamedTuple):
    """What is sent for a key, and the error that the branch ends in; None: it is accepted nevertheless."""

    answer: Callable[[str], Iterable[bytes]]
    error: str | None


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "connection: close", *headers, "", ""]).encode("latin-1")


def whole(status: str, body: bytes, *headers: str) -> Iterator[bytes]:
    yield head(status, f"content-length: {len(body)}", *headers)
    yield body


def message(text: str = GOOD, **fields: Any) -> bytes:
    content = [{"type": "text", "text": text}]
    usage = {"input_tokens": 100, "output_tokens": 100}
    return json.dumps({"content": content, "stop_reason": "end_turn", "model": "m", "usage": usage} | fields).encode()


def error(words: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": "some_error", "message": words}}).encode()


@cache
def bomb() -> bytes:
    return gzip.compress(gzip.compress(b"0" * BOMB))


def endless(status: str) -> Iterator[bytes]:
    yield head(status)
    for _ in range(ENDLESS // 65_536):
        yield b"0" * 65_536


def dripping(status: str) -> Iterator[bytes]:
    yield head(status, "content-length: 100000")
    while True:
        time.sleep(0.05)
        yield b" "


GZIP = "content-encoding: gzip, gzip"
NUMBER = "9" * 400
ATTACKS: dict[str, Attack] = {
    "gzip bomb as an answer": Attack(lambda _: whole("200 OK", bomb(), GZIP), "NetworkError"),
    "gzip bomb as an error": Attack(lambda _: whole("400 Bad Request", bomb(), GZIP), "RequestRejected"),
    "gzip bomb as an overload": Attack(lambda _: whole("529 Overloaded", bomb(), GZIP), "Overloaded"),
    "endless answer": Attack(lambda _: endless("200 OK"), "NetworkError"),
    "endless error": Attack(lambda _: endless("400 Bad Request"), "RequestRejected"),
    "endless redirect": Attack(lambda _: endless("302 Found"), "RequestRejected"),
    "dripping error": Attack(lambda _: dripping("529 Overloaded"), "Overloaded"),
    "dripping answer": Attack(lambda _: dripping("200 OK"), "ModelTimeout"),
    "unknown charset": Attack(
        lambda _: whole("529 Overloaded", error("no"), "content-type: application/json; charset=x-unknown"),
        "Overloaded",
    ),
    "charset that is not for text": Attack(
        lambda _: whole("529 Overloaded", error("no"), "content-type: application/json; charset=zlib"), "Overloaded"
    ),
    "redirect elsewhere": Attack(
        lambda _: whole("307 Temporary Redirect", b"", "location: /stolen"), "RequestRejected"
    ),
    "400 digits of tokens": Attack(
        lambda _: whole("200 OK", message(usage={"input_tokens": int(NUMBER), "output_tokens": int(NUMBER)})), None
    ),
    "negative tokens": Attack(
        lambda _: whole("200 OK", message(usage={"input_tokens": -(10**9), "output_tokens": -(10**9)})), None
    ),
    "tokens that are not numbers": Attack(
        lambda _: whole("200 OK", message(usage={"input_tokens": "many", "output_tokens": [1]})), None
    ),
    "tokens without end": Attack(
        lambda _: whole("200 OK", message(usage={"input_tokens": float("inf"), "output_tokens": float("nan")})), None
    ),
    "400 digits in headers": Attack(
        lambda _: whole(
            "200 OK",
            message(),
            *(
                f"anthropic-ratelimit-{name}-{part}: {NUMBER}"
                for name in ("requests", "input-tokens")
                for part in ("limit", "remaining", "reset")
            ),
        ),
        None,
    ),
    "hundreds of headers": Attack(
        lambda _: whole("200 OK", message(), *(f"anthropic-ratelimit-{n}: {n}" for n in range(400))), None
    ),
    "names without end": Attack(
        lambda _: whole("200 OK", message(model="m" * 10**6, stop_reason="s" * 10**6), f"request-id: {'r' * 50_000}"),
        None,
    ),
    "names that are not names": Attack(lambda _: whole("200 OK", message(model=[1], stop_reason={"a": 1})), None),
    "headers without end": Attack(
        lambda _: whole("200 OK", message(), *(f"x-{n}: {'x' * 1_000}" for n in range(1_000))), "NetworkError"
    ),
    "no HTTP": Attack(lambda _: iter([b"\x00\xff" * 500]), "NetworkError"),
    "an empty status": Attack(lambda _: whole("204 No Content", b""), "NetworkError"),
    "JSON nested without end": Attack(lambda _: whole("200 OK", b"[" * 1_000_000), "NetworkError"),
    "terminal escapes in an error": Attack(
        lambda _: whole("400 Bad Request", error("\x1b]0;owned\x07 \u202e two\nlines")), "RequestRejected"
    ),
    "hidden instruction": Attack(
        lambda _: whole("200 OK", message('[{"title": "T\U000e0041\U000e0042", "angle": "a"}]')), "SchemaViolation"
    ),
    "the key in an error": Attack(lambda key: whole("401 Unauthorized", error(f"{key} is wrong")), "AccessDenied"),
    "the key in a failure": Attack(lambda key: whole("500 Oops", error(f"Bearer {key}")), "NetworkError"),
    "the key in an answer": Attack(
        lambda key: whole(
            "200 OK",
            message(GOOD.replace("Title 0", key), model=key),
            f"request-id: {key}",
            f"anthropic-ratelimit-requests-limit: {key}",
        ),
        None,
    ),
    "the key in a broken answer": Attack(
        lambda key: whole("200 OK", message(f"Your key is {key}.", stop_reason=key)), "SchemaViolation"
    ),
}


class HostileAPI:
    """Serves attacks, by site and in order; everything else goes `upstream`. `sent`: bytes that callers read, by
    attack. `stolen`: requests that followed a redirect."""

    def __init__(self, upstream: str | None = None) -> None:
        self._upstream = upstream
        self._scripts: dict[str, deque[str | None]] = defaultdict(deque)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.calls: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.encodings: set[str] = set()
        self.last: dict[str, Any] = {}  # the body of the last request
        self.stolen = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True, name="hostile").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def script(self, site: str, attacks: Iterable[str | None]) -> None:
        """The attacks on the calls about `site`; None and every later call are passed on."""
        self._scripts[site] = deque(attacks)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True, name="hostile").start()

    def _answer(self, client: socket.socket) -> None:
        try:
            with client, client.makefile("rb") as stream:
                path = stream.readline().decode().split(" ")[1]
                headers = dict(_headers(stream))
                body = stream.read(int(headers.get("content-length", 0)))
                self.stolen += path.startswith("/stolen")
                self.encodings.add(headers.get("accept-encoding", ""))
                self.last = json.loads(body or b"{}")
                site = find_site(question_of_any(body), self._scripts)
                self.calls[site] += 1
                script = self._scripts[site]
                name = script.popleft() if script else None
                if name is not None:
                    for piece in ATTACKS[name].answer(headers["authorization"].removeprefix("Bearer ")):
                        client.sendall(piece)
                        self.sent[name] += len(piece)
                elif self._upstream is not None:
                    _pass_on(self._upstream, path, headers, body, client)
        except OSError:
            pass  # the caller stopped reading


def _headers(stream: Any) -> Iterator[tuple[str, str]]:
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()


def _pass_on(upstream: str, path: str, headers: dict[str, str], body: bytes, client: socket.socket) -> None:
    """Byte for byte, so that a broken or slow response arrives broken or slow. Only `connection: close` is added: a
    client that kept the connection could send its next call just when this end closes it."""
    at = urlsplit(upstream)
    with socket.create_connection((at.hostname, at.port)) as server:
        changed = headers | {"connection": "close", "host": at.netloc}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in changed.items())]
        server.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        first = server.recv(65_536).replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
        client.sendall(first)
        while piece := server.recv(65_536):
            client.sendall(piece)
