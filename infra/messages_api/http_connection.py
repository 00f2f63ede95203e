"""One client's HTTP/1.1 connection: reads whole requests, writes whole responses, and waits until the client leaves.

The standard library's `http.server` writes a response in several pieces, which costs 44 ms a call on
loopback (Nagle's algorithm against delayed ACK), and it can neither break off a response nor send it slowly.
With Nagle off and one write per response only its parser would be left: 246 µs for a call of the SDK where this one
takes 31, in the process that benchmarks measure. It does what the API's clients need: no chunked bodies, no pipelining.
"""

import json
import select
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

JSON = "application/json"
_MAX_HEAD = 64 * 1024
_MAX_BODY = 32 * 1024 * 1024  # the real API's limit
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER for 0 s


class GoneError(Exception):
    """The client has left, or this server is closing: a response would not be read."""


class UnreadableError(Exception):
    """The request cannot be parsed. The message is the response's status line."""

    def __init__(self, status: int) -> None:
        super().__init__(HTTPStatus(status).phrase)
        self.status = status


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def keep_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


class Connection:
    """Reads and writes one socket, and closes it. `closing` becomes readable when the server ends."""

    def __init__(self, client: socket.socket, closing: socket.socket) -> None:
        client.setblocking(True)  # macOS inherits the listener's mode
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client
        self._unread = b""
        self._events = select.poll()
        self._events.register(closing, select.POLLIN | select.POLLHUP)
        self._events.register(client, select.POLLIN)
        self._closing_fd = closing.fileno()
        self.address: tuple[str, int] = client.getsockname()[:2]  # the local address that the client connected to

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def read_request(self) -> HTTPRequest | None:
        """The next request; None when the client has hung up. UnreadableError if it cannot be parsed."""
        while b"\r\n\r\n" not in self._unread:
            if len(self._unread) > _MAX_HEAD:
                raise UnreadableError(431)
            if not self._receive():
                return None
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        words = start.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise UnreadableError(400)
        headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise UnreadableError(400)
            headers[name.lower()] = value.strip()
        if "transfer-encoding" in headers:
            raise UnreadableError(411)
        body = self._read_body(headers)
        return None if body is None else HTTPRequest(words[0], words[1], headers, body)

    def _read_body(self, headers: Mapping[str, str]) -> bytes | None:
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise UnreadableError(400)
        wanted = int(length)
        if wanted > _MAX_BODY:
            raise UnreadableError(413)
        if headers.get("expect", "").lower() == "100-continue" and len(self._unread) < wanted:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        pieces = [self._unread]
        missing = wanted - len(self._unread)
        while missing > 0:
            if not self._receive(piece_of=pieces):
                return None
            missing -= len(pieces[-1])
        received = b"".join(pieces)
        self._unread = received[wanted:]
        return received[:wanted]

    def _receive(self, piece_of: list[bytes] | None = None) -> bool:
        if any(fd == self._closing_fd for fd, _ in self._events.poll()):
            return False
        try:
            data = self._client.recv(65_536)
        except OSError:
            return False
        if piece_of is None:
            self._unread += data
        else:
            piece_of.append(data)
        return bool(data)

    def send(self, data: bytes) -> None:
        try:
            self._client.sendall(data)
        except OSError:
            raise GoneError from None

    def wait(self, seconds: float | None) -> None:
        """Wait (None: without limit). GoneError as soon as the client leaves or the server closes."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while deadline is None or (left := deadline - time.monotonic()) > 0:
            ready = self._events.poll(None if deadline is None else left * 1000)
            if any(fd == self._closing_fd for fd, _ in ready) or (ready and self._has_left()):
                raise GoneError
            if ready:  # it has sent data before the response; poll would report that again at once
                time.sleep(0.01)

    def _has_left(self) -> bool:
        try:
            return not self._client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def reset(self) -> None:
        """Hang up with a TCP RST, as a crashed peer or a firewall does."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._client.close()


def json_bytes(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def http_head(status: int, headers: Mapping[str, str], length: int, content_type: str = JSON) -> bytes:
    """Everything before a body of `length` bytes."""
    phrase = "Overloaded" if status == 529 else HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {phrase}", f"content-type: {content_type}", f"content-length: {length}"]
    lines += (f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join((*lines, "", "")).encode("latin-1")
