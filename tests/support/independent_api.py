"""A Messages API that shares no code with the simulated one or with Nightfold, and keeps its own accounts.

What a run may cost and how often it may ask is checked against these, not against what the run says about itself.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

USD_PER_MILLION = {"claude-sonnet-5-5": (2.0, 10.0)}  # input, output: Anthropic's price list, November 2026
GOOD = json.dumps([{"title": f"Title {number}", "angle": "An angle."} for number in range(5)])
BROKEN = "Here are five ideas, but not as an array."
ERRORS = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}

Answer = Callable[[int], tuple[str, int]]  # of the n-th call: its text, and its output tokens


def good(_: int) -> tuple[str, int]:
    return GOOD, 500


class IndependentAPI:
    """Listens inside `with`. `answer` and `refuse`, a status that every call gets, may be changed at any time."""

    def __init__(
        self, *, answer: Answer = good, refuse: int | None = None, per_minute: int = 10**6, latency_s: float = 0.0
    ) -> None:
        self.refuse, self.statuses, self.usd = refuse, Counter[int](), 0.0
        self.answer, self._latency_s = answer, latency_s
        self.prompts: list[str] = []  # of the calls that were answered, in order
        self._per_minute, self._left, self._filled_at = per_minute, float(per_minute), time.monotonic()
        self._lock, self._number = threading.Lock(), 0

    def __enter__(self) -> Self:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["content-length"]))
                status, headers, body = api._reply(self.path, asked)
                head = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items())]
                self.wfile.write("\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body)

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._serving = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._serving.join()

    @property
    def calls(self) -> int:
        return self.statuses.total()

    def _reply(self, path: str, asked: bytes) -> tuple[int, dict[str, str], bytes]:
        status, number = self._admit(path)
        headers = {
            "content-type": "application/json",
            "request-id": f"req_{number}",
            "anthropic-ratelimit-requests-limit": str(self._per_minute),
            "anthropic-ratelimit-requests-remaining": str(int(self._left)),
        }
        if status != 200:
            failure = {"type": ERRORS[status], "message": f"refused with {status}"}
            return status, headers, json.dumps({"type": "error", "error": failure}).encode()
        time.sleep(self._latency_s)
        return status, headers, json.dumps(self._message(json.loads(asked), len(asked) // 4, number)).encode()

    def _admit(self, path: str) -> tuple[int, int]:
        with self._lock:
            now = time.monotonic()
            refilled = (now - self._filled_at) * self._per_minute / 60
            self._left, self._filled_at = min(self._per_minute, self._left + refilled), now
            status = 404 if path != "/v1/messages" else self.refuse or (200 if self._left >= 1 else 429)
            self._left -= status == 200
            self._number += 1
            self.statuses[status] += 1
            return status, self._number

    def _message(self, request: dict[str, Any], input_tokens: int, number: int) -> dict[str, Any]:
        text, wanted = self.answer(number)
        output_tokens = min(wanted, request["max_tokens"])
        per_input, per_output = USD_PER_MILLION[request["model"]]
        with self._lock:
            self.prompts.append(request["messages"][-1]["content"])
            self.usd += (input_tokens * per_input + output_tokens * per_output) / 1_000_000
        return {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn" if wanted <= request["max_tokens"] else "max_tokens",
            "stop_sequence": None,
            "usage": {"input_tokens": input_tokens, "output_tokens": output_tokens},
        }
