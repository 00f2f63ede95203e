"""Sends one call's reply as its step says: complete, partial, late, byte by byte or not at all."""

from collections.abc import Mapping

from infra.messages_api.call_history import Arrival, CallHistory
from infra.messages_api.http_connection import JSON, Connection, http_head, json_bytes
from infra.messages_api.messages_request import MessagesRequest, RejectedError
from infra.messages_api.rate_limits import Exceeded, RateLimits
from infra.messages_api.scenario import Scenario
from infra.messages_api.simulated_claude import answer
from infra.messages_api.simulated_errors import error_body, retry_headers, scripted_error

_ORGANIZATION = "00000000-0000-4000-8000-000000000000"
_SLOW_S = 30.0
_DRIP_INTERVAL_S = 0.1
_FOR_EVER = 10_000_000  # drops, 11 days
_NO_MESSAGE = {
    "empty_body": (b"", JSON),
    "html": (b"<!doctype html><html><body><h1>Be right back</h1></body></html>", "text/html; charset=utf-8"),
    "not_a_message": (b'{"status":"ok","data":[]}', JSON),
}


class Replies:
    """Sends the server's replies. Stateless, so threads may share it."""

    def __init__(self, scenario: Scenario, history: CallHistory, limits: RateLimits, *, speed: float) -> None:
        self._scenario, self._history, self._limits, self._speed = scenario, history, limits, speed

    def reject(self, connection: Connection, arrival: Arrival, wrong: RejectedError) -> None:
        body = error_body(wrong.type, wrong.message, arrival.call.request_id)
        self._send(connection, arrival, wrong.status, retry_headers(wrong.status), json_bytes(body))

    def limit(self, connection: Connection, arrival: Arrival, exceeded: Exceeded) -> None:
        message = f"This request would exceed your organization's rate limit of {exceeded.limit}."
        body = error_body("rate_limit_error", message, arrival.call.request_id)
        headers = self._limits.headers() | retry_headers(429, exceeded.retry_after_s)
        self._send(connection, arrival, 429, headers, json_bytes(body))

    def play(self, connection: Connection, arrival: Arrival, request: MessagesRequest) -> bool:
        """Do what the step says. True if the connection can take another request."""
        step = arrival.step
        if step.do == "hang":
            self._wait(connection, step.latency_s)
            return False
        if error := scripted_error(step, arrival.call.request_id, speed=self._speed):
            self._wait(connection, step.latency_s or 0)  # errors have no latency
            status, headers, body = error
            self._send(connection, arrival, status, self._limits.headers() | headers, json_bytes(body))
            return True
        if step.do not in ("drip", "drip_headers"):
            self._wait(connection, self._latency_s(arrival))
        if step.do == "reset":
            connection.reset()
            return False
        if step.do in _NO_MESSAGE:
            page, content_type = _NO_MESSAGE[step.do]
            self._send(connection, arrival, 200, self._limits.headers(), page, content_type)
            return True
        return self._say(connection, arrival, request)

    def _say(self, connection: Connection, arrival: Arrival, request: MessagesRequest) -> bool:
        """Send a message, or as much of it as the step allows. Its output tokens are charged in any case."""
        call, step = arrival.call, arrival.step
        cost = step.output_tokens or self._scenario.output_tokens
        made = answer(step, request, site=call.site, number=call.number, rng=arrival.rng, cost=cost)
        self._limits.spend_output(made.output_tokens)
        headers, body = self._limits.headers(), json_bytes(made.message)
        if step.do == "cut_json":
            body = body[: len(body) // 2]
        drops = _FOR_EVER if step.latency_s is None else int(step.latency_s / _DRIP_INTERVAL_S)
        if step.do == "drip":  # JSON may start with spaces
            connection.send(_head(arrival, 200, headers, drops + len(body)))
            self._drip(connection, drops, b" ")
            rest = body
        elif step.do == "drip_headers":
            status_line, _, fields = _head(arrival, 200, headers, len(body)).partition(b"\r\n")
            connection.send(status_line + b"\r\nx-drip: ")
            self._drip(connection, drops, b".")
            rest = b"\r\n" + fields + body
        else:
            rest = _head(arrival, 200, headers, len(body)) + body
        if step.do == "drop":
            rest = rest[: -(len(body) // 2)]
        self._history.answered(arrival, 200, made.output_tokens)
        connection.send(rest)
        return step.do != "drop"

    def _drip(self, connection: Connection, drops: int, drop: bytes) -> None:
        for _ in range(drops):
            self._wait(connection, _DRIP_INTERVAL_S)
            connection.send(drop)

    def _send(
        self,
        connection: Connection,
        arrival: Arrival,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        content_type: str = JSON,
    ) -> None:
        self._history.answered(arrival, status)
        connection.send(_head(arrival, status, headers, len(body), content_type) + body)

    def _latency_s(self, arrival: Arrival) -> float:
        if arrival.step.latency_s is not None:
            return arrival.step.latency_s
        return _SLOW_S if arrival.step.do == "slow" else self._scenario.latency_s.draw(arrival.rng)

    def _wait(self, connection: Connection, seconds: float | None) -> None:
        connection.wait(None if seconds is None else seconds / self._speed)


def _head(arrival: Arrival, status: int, headers: Mapping[str, str], length: int, content_type: str = JSON) -> bytes:
    own = {"request-id": arrival.call.request_id, "anthropic-organization-id": _ORGANIZATION}
    return http_head(status, {**own, **headers}, length, content_type)
