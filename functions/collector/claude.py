"""The Messages API, and the only module that imports `anthropic`.

One call is one request: the SDK's own retries are off, because the state machine is their only owner. Errors leave as
one of nightfold.errors, told apart by status code; the request itself, which holds the key and the prompt, is never
part of a message.
"""

import json
import logging
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import anthropic.resources.messages.messages  # noqa: F401 - the first call would import it, on a third of a processor
import httpx2
from anthropic import Anthropic, APIConnectionError, APIStatusError, APITimeoutError, DefaultHttpxClient
from pydantic import BaseModel, ConfigDict, ValidationError

from collector.prompt import Prompt
from nightfold.answers import ANSWER_LIMIT
from nightfold.branch import Answer, SiteTask
from nightfold.errors import (
    AccessDenied,
    ModelTimeout,
    NetworkError,
    Overloaded,
    RateLimited,
    RequestRejected,
    SpendLimitReached,
)
from nightfold.text import one_line

BODY_LIMIT = 8_000_000  # bytes; 8,192 tokens are far less, whatever they say
CONNECT_TIMEOUT_S = 10

# These models think unless told otherwise, and thinking shares max_tokens with the answer.
THINKING: dict[str, Any] = {"claude-sonnet-5-5": {"type": "between_tools"}}


class _Usage(BaseModel):
    input_tokens: int = 0
    output_tokens: int = 0


class _Message(BaseModel):
    """The part of a Messages response that we rely on, validated where the SDK would only construct."""

    model_config = ConfigDict(extra="ignore")

    content: list[dict[str, Any]]
    stop_reason: str | None = None
    model: str | None = None
    usage: _Usage = _Usage()


def connections() -> httpx2.Client:
    """The SDK's own HTTP client. Reading the certificates that it trusts takes longer than all else of a first call."""
    return DefaultHttpxClient()


class Claude:
    """A client of the Messages API. Safe to share between threads."""

    def __init__(self, api_key: str, base_url: str, connections: httpx2.Client | None = None) -> None:
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs a line per request otherwise
        self._client = Anthropic(api_key=api_key.strip(), base_url=base_url, max_retries=0, http_client=connections)

    def ask(self, task: SiteTask, prompt: Prompt) -> Answer:
        """Claude's answer, as it came. Raises one of nightfold.errors within `request_timeout_s` seconds."""
        return _within(task.request_timeout_s, lambda: self._ask(task, prompt))

    def close(self) -> None:
        """Close the connections; Lambda never does."""
        self._client.close()

    def _ask(self, task: SiteTask, prompt: Prompt) -> Answer:
        started = monotonic()
        thinking = {"thinking": THINKING[task.model]} if task.model in THINKING else {}
        try:
            with self._client.messages.with_streaming_response.create(
                model=task.model,
                max_tokens=task.max_tokens,
                system=prompt.system,
                messages=[{"role": "user", "content": prompt.user}],
                timeout=httpx2.Timeout(task.request_timeout_s, connect=min(CONNECT_TIMEOUT_S, task.request_timeout_s)),
                **thinking,
            ) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if monotonic() - started > task.request_timeout_s:  # a drip outlives every read timeout
                        raise ModelTimeout(f"no whole answer within {task.request_timeout_s} s")
                    if len(body) > BODY_LIMIT:
                        raise NetworkError(f"the answer did not end after {len(body)} bytes")
                headers = dict(response.headers)
        except APIStatusError as error:
            raise _by_status(error) from None
        except (APITimeoutError, httpx2.TimeoutException):
            raise ModelTimeout(f"no whole answer within {task.request_timeout_s} s") from None
        except (APIConnectionError, httpx2.TransportError, httpx2.DecodingError) as error:
            cause = error.__cause__ or error
            raise NetworkError(f"{type(cause).__name__}: {one_line(str(cause)) or 'connection lost'}") from None
        message = _read(body)
        return Answer(
            text=_text(message),
            stop_reason=message.stop_reason,
            input_tokens=message.usage.input_tokens,
            output_tokens=message.usage.output_tokens,
            model=message.model or task.model,
            request_id=headers.get("request-id"),
            latency_ms=round((monotonic() - started) * 1000),
            rate_limits={
                name: value
                for name, value in headers.items()
                if name == "retry-after" or name.startswith("anthropic-ratelimit-")
            },
        )


def _within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """`call`'s answer or error, or ModelTimeout: neither the SDK nor httpx2 has a deadline for a whole exchange."""
    results: list[Answer | Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:  # handed to the thread that waits
            results.append(error)

    thread = threading.Thread(target=run, daemon=True, name="claude")
    thread.start()
    thread.join(seconds + 0.5)  # the SDK's own timeout is the more precise one, so it gets the first word
    if not results:
        raise ModelTimeout(f"no whole answer within {seconds} s")
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


# 429s that no waiting heals, by their `error.details.error_code`.
SPEND_LIMITS = {"enforced_spend_limit_reached", "contract_spend_limit_reached"}


def _by_status(error: APIStatusError) -> Exception:
    """https://platform.claude.com/docs/en/api/errors"""
    status, code = error.status_code, error.error_code
    detail = error.body.get("error") if isinstance(error.body, dict) else None
    detail = detail if isinstance(detail, dict) else {}
    message = one_line(f"{status} {detail.get('type', '')}: {detail.get('message', '')}")
    # The limit that the account's owner set has no status and no code of its own, only these words.
    usage_limit = str(detail.get("message", "")).startswith("You have reached your specified API usage limits")
    if status == 402 or (status == 429 and code in SPEND_LIMITS) or (status == 400 and usage_limit):
        return SpendLimitReached(message)
    if status == 429:
        return RateLimited(message)
    if status in {503, 529}:
        return Overloaded(message)
    if status in {401, 403}:
        return AccessDenied(message)
    if status in {408, 409} or status >= 500:
        return NetworkError(message)
    return RequestRejected(message)


def _read(body: bytes | bytearray) -> _Message:
    try:
        return _Message.model_validate(json.loads(body))
    except (ValueError, RecursionError) as error:
        what = "fields are missing" if isinstance(error, ValidationError) else "it is no JSON"
        raise NetworkError(f"a 200 that is no Messages response: {what} ({len(body)} bytes)") from None


def _text(message: _Message) -> str:
    """The text blocks of `message` (a thinking block may come first), in a form that survives JSON and its limits."""
    text = "".join(
        block["text"] for block in message.content if block.get("type") == "text" and isinstance(block.get("text"), str)
    )
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # no lone surrogates on a wire
    while (length := len(json.dumps(text))) > ANSWER_LIMIT:
        text = text[: len(text) * ANSWER_LIMIT // length - 1]  # no answer that keeps the contract is that long
    return text
