"""The HTTP client under the SDK. It bounds what a server can send before it is in memory.

The SDK reads and decompresses the body of an error before it raises, follows redirects and sends the key along,
and has no deadline for a whole exchange. This client asks for uncompressed bodies, counts bytes while it reads, and
closes the connection when the time is over.
"""

import socket
import threading
from contextlib import suppress
from time import monotonic
from typing import Any

import httpx2
from anthropic import DefaultHttpxClient

from nightfold.errors import NetworkError

BODY_LIMIT = 8_000_000  # bytes; any text of 8,192 tokens is far smaller
ERROR_LIMIT = 64_000  # bytes of an error's body; the status alone decides


class BoundedClient(DefaultHttpxClient):
    """The SDK's own client, with its time-outs, proxies and certificates."""

    def __init__(self) -> None:
        super().__init__(follow_redirects=False)
        self._open: dict[int, httpx2.Response] = {}  # by the thread that reads it

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Returns a success with its body still unread, and an error with at most ERROR_LIMIT bytes of its body,
        and after at most half of the time for the call."""
        started = monotonic()
        request.headers["accept-encoding"] = "identity"
        response = super().send(request, **(options | {"stream": True, "follow_redirects": False}))
        self._open[threading.get_ident()] = response
        if response.is_success:
            return response
        body = bytearray()
        try:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > ERROR_LIMIT or monotonic() - started > request.extensions["timeout"]["read"] / 2:
                    break
        except httpx2.TransportError:
            pass  # the status is known, and it alone decides
        finally:
            self.forget(response)
        kept = {name: response.headers[name] for name in ("request-id", "retry-after") if name in response.headers}
        # Drops the server's content-type and its charset: JSON is UTF-8.
        return httpx2.Response(response.status_code, headers=kept, content=bytes(body[:ERROR_LIMIT]), request=request)

    def read(self, response: httpx2.Response, seconds: float) -> bytes:
        """The whole body of a success. Raises NetworkError, and what httpx2 raises."""
        deadline = monotonic() + seconds
        body = bytearray()
        try:
            if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
                raise NetworkError("the answer is compressed, although the request asked for an uncompressed one")
            for chunk in response.iter_raw():
                body += chunk
                if monotonic() > deadline:  # a body that drips never reaches the read timeout
                    raise httpx2.ReadTimeout("the body drips")
                if len(body) > BODY_LIMIT:
                    raise NetworkError(f"the answer did not end after {BODY_LIMIT:,} bytes")
        finally:
            self.forget(response)
        return bytes(body)

    def forget(self, response: httpx2.Response) -> None:
        """Closes the response; the rest of its body is not read."""
        self._open.pop(threading.get_ident(), None)
        response.close()

    def hang_up(self, thread: int | None) -> None:
        """Cuts the connection of the response that `thread` is reading, if there is one: nothing else ends a read."""
        response = self._open.pop(thread or 0, None)
        stream = response.extensions.get("network_stream") if response is not None else None
        if stream is not None and (connection := stream.get_extra_info("socket")) is not None:
            with suppress(OSError):  # the server closed it first
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
