"""The simulated Messages API: an HTTP server on loopback for the real SDK.

    with MessagesAPI() as api:
        api.script("harbour", [529, 529, "ok"])
        anthropic.Anthropic(base_url=api.url, api_key="any", max_retries=0).messages.create(…)
        assert api.calls("harbour") == 1

Or in the foreground: `python -m infra.messages_api --port 8787 --scenario events/scenario.json`.
A request is validated, attributed to a site by its prompt, charged to the rate limits, and then gets the
scenario's step for this call of this site. Every call is kept in a history.
"""

import argparse
import signal
import socket
import sys
import threading
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from select import POLLIN, poll
from typing import Self

from infra import loopback
from infra.messages_api.call_history import Call, CallHistory
from infra.messages_api.http_connection import (
    Connection,
    GoneError,
    HTTPRequest,
    UnreadableError,
    http_head,
    json_bytes,
)
from infra.messages_api.messages_request import RejectedError, find_site, parse_request, question_of_any
from infra.messages_api.rate_limits import RateLimits
from infra.messages_api.scenario import Scenario, StepLike, read_scenario
from infra.messages_api.scripted_reply import Replies
from infra.messages_api.simulated_errors import error_body

_BACKLOG = 1024


class MessagesAPI:
    """The server; listens inside `with`. Safe to use from several threads.

    `speed` divides every simulated wait: latencies, hangs, drips, retry-after, refills. Default: the scenario's.
    `key` is the only API key that is accepted; without it, any is.
    `keep_prompts=False` keeps the history small where prompts are long and calls are many.
    """

    url: str  # for ANTHROPIC_BASE_URL

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        seed: int = 0,
        speed: float | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        key: str | None = None,
        keep_prompts: bool = True,
    ) -> None:
        scenario = scenario or Scenario()
        speed = scenario.speed if speed is None else speed
        if not speed > 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self._address, self._key = (host, port), key
        self._limits = RateLimits(scenario.limits, speed=speed)
        self._history = CallHistory(scenario, seed=seed, keep_prompts=keep_prompts)
        self._replies = Replies(scenario, self._history, self._limits, speed=speed)
        self._threads: set[threading.Thread] = set()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(self._address, backlog=_BACKLOG)
        self._listener.setblocking(False)  # a client may leave between poll and accept
        self._closing, self._close = socket.socketpair()
        host, port = self._listener.getsockname()
        self.url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104  # nosec B104
        self._accepting = threading.Thread(target=self._accept, name="messages-api", daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._close.close()  # every wait sees it and ends
        self._accepting.join()
        self._listener.close()
        for thread in tuple(self._threads):
            thread.join(timeout=1)
        self._closing.close()

    def script(self, site: str, steps: Iterable[StepLike]) -> None:
        """The steps for the site's next calls; after the last step every call is "ok"."""
        self._history.script(site, steps)

    def calls(self, site: str) -> int:
        """How many calls for the site have arrived, whatever their result."""
        return self._history.count(site)

    @property
    def history(self) -> tuple[Call, ...]:
        """All calls in order of arrival, including unfinished ones."""
        return self._history.calls()

    @property
    def peak(self) -> int:
        """The highest number of concurrent calls."""
        return self._history.peak

    def _accept(self) -> None:
        events = poll()
        events.register(self._listener, POLLIN)
        events.register(self._closing, POLLIN)
        while all(fd != self._closing.fileno() for fd, _ in events.poll()):
            with suppress(OSError):  # a client that has already left
                connection = Connection(self._listener.accept()[0], self._closing)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.add(thread)
                thread.start()

    def _serve(self, connection: Connection) -> None:
        """One thread for each connection; handles its calls in sequence."""
        with connection, suppress(GoneError):
            try:
                while (request := connection.read_request()) and self._handle(connection, request):
                    pass
            except UnreadableError as bad:
                body = json_bytes(error_body("invalid_request_error", str(bad), "req_unreadable"))
                connection.send(http_head(bad.status, {"connection": "close"}, len(body)) + body)
        self._threads.discard(threading.current_thread())

    def _handle(self, connection: Connection, received: HTTPRequest) -> bool:
        """Answer one request. True if the connection can take another one."""
        named = received.headers.get("host"), received.headers.get("origin")
        if foreign := loopback.refusal(*named, connection.address, self._address[0]):
            body = json_bytes(error_body("permission_error", foreign, "req_foreign"))
            connection.send(http_head(403, {"connection": "close"}, len(body)) + body)
            return False
        try:
            request = parse_request(received.method, received.path, received.headers, received.body, self._key)
        except RejectedError as wrong:
            site = find_site(question_of_any(received.body), self._history.known)
            self._replies.reject(connection, self._history.arrive(site, None, "rejected"), wrong)
            return received.keep_alive
        site = find_site(request.question, self._history.known)
        exceeded = self._limits.admit(request.input_tokens)
        arrival = self._history.arrive(site, request, "limited" if exceeded else None)
        try:
            if exceeded:
                self._replies.limit(connection, arrival, exceeded)
                return received.keep_alive
            return self._replies.play(connection, arrival, request) and received.keep_alive
        finally:
            self._history.left(arrival)


def main(arguments: list[str] | None = None) -> None:
    """Run the server in the foreground until it is interrupted. The URL goes to stdout."""
    parser = argparse.ArgumentParser(prog="python -m infra.messages_api", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets a container in (default %(default)s)")
    parser.add_argument("--port", type=int, default=8787, help="default %(default)s; 0 takes a free one")
    parser.add_argument("--key", help="the only API key that is accepted; without it, any is")
    parser.add_argument("--scenario", type=Path, help="without it every call succeeds immediately")
    parser.add_argument("--seed", type=int, default=0, help="seed for latencies and texts (default %(default)s)")
    parser.add_argument("--speed", type=float, help="how much faster than real time; default: as the scenario says")
    options = parser.parse_args(arguments)
    try:
        api = MessagesAPI(
            read_scenario(options.scenario) if options.scenario else Scenario(),
            seed=options.seed,
            speed=options.speed,
            host=options.host,
            port=options.port,
            key=options.key,
            keep_prompts=False,
        )
    except ValueError as error:  # a ScenarioError, or the speed
        sys.stderr.write(f"{error}\n")
        sys.exit(64)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as opened:
        try:
            opened.enter_context(api)
        except (OSError, OverflowError) as error:
            sys.stderr.write(f"{options.host}:{options.port} cannot be listened on: {error}\n")
            sys.exit(64)
        sys.stdout.write(f"{api.url}\n")
        sys.stdout.flush()
        stop.wait()
