"""The HTTP client under the SDK, with what a server may do to it bounded before it is in memory.

The SDK reads and decompresses the body of an error before it raises, follows redirects with the key in hand, and knows
no deadline for a whole exchange. Here bodies are asked for as they are, counted while they are read, and the connection
is cut when the time is over.
"""

import socket
import threading
from contextlib import suppress
from time import monotonic
from typing import Any

import httpx2
from anthropic import DefaultHttpxClient

from nightfold.errors import ModelTimeout, NetworkError

BODY_LIMIT = 8_000_000  # bytes; 8,192 tokens are far less, whatever they say
ERROR_LIMIT = 64_000  # bytes of an error's body; the status tells it, the rest is words


class BoundedClient(DefaultHttpxClient):
    """The SDK's own client, with its time-outs, proxies and certificates."""

    def __init__(self) -> None:
        super().__init__(follow_redirects=False)
        self._open: dict[int, httpx2.Response] = {}  # by the thread that reads it

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """A success with its body still to be read. An error comes back whole: its status, and its body as far as it is
        short enough."""
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
                if len(body) > ERROR_LIMIT or monotonic() - started > request.extensions["timeout"]["read"]:
                    break
        except httpx2.TransportError:
            pass  # the status is known, and that is what counts
        finally:
            self.forget(response)
        kept = {name: response.headers[name] for name in ("request-id", "retry-after") if name in response.headers}
        # Without the server's content-type and its charset: JSON is UTF-8.
        return httpx2.Response(response.status_code, headers=kept, content=bytes(body[:ERROR_LIMIT]), request=request)

    def read(self, response: httpx2.Response, seconds: float) -> bytes:
        """The whole body of a success. Raises ModelTimeout and NetworkError."""
        deadline = monotonic() + seconds
        body = bytearray()
        try:
            if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
                raise NetworkError("the answer is encoded, although it was asked for as it is")
            for chunk in response.iter_raw():
                body += chunk
                if monotonic() > deadline:  # a drip outlives every read timeout
                    raise ModelTimeout(f"no whole answer within {seconds:.0f} s")
                if len(body) > BODY_LIMIT:
                    raise NetworkError(f"the answer did not end after {BODY_LIMIT:,} bytes")
        finally:
            self.forget(response)
        return bytes(body)

    def forget(self, response: httpx2.Response) -> None:
        """Close the response; what has not been read of it never will be."""
        self._open.pop(threading.get_ident(), None)
        response.close()

    def hang_up(self, thread: int | None) -> None:
        """Cut the connection of the response that `thread` is reading, if it is: nothing else ends a read."""
        response = self._open.pop(thread or 0, None)
        stream = response.extensions.get("network_stream") if response is not None else None
        if stream is not None and (connection := stream.get_extra_info("socket")) is not None:
            with suppress(OSError):  # the other side was faster
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
