"""The Messages API, and the only module that imports `anthropic`.

One call is one request: the SDK's own retries are off, because the state machine is their only owner. Errors leave as
one of nightfold.errors, chosen by status code; the request itself, which holds the key and the prompt, is never
part of a message. A server may echo the key: it is removed before anything is cut.
"""

import json
import logging
import re
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import anthropic.resources.messages.messages  # noqa: F401 - or the first call imports it, on a third of a processor
import httpx2
from anthropic import Anthropic, APIConnectionError, APIStatusError, APITimeoutError, transform_schema
from pydantic import BaseModel, ValidationError

from collector.connections import BoundedClient
from collector.prompt import Prompt
from nightfold.answers import ANSWER_LIMIT
from nightfold.branch import Answer, SiteTask
from nightfold.budget import thinking_tokens
from nightfold.errors import (
    AccessDenied,
    ModelTimeout,
    NetworkError,
    Overloaded,
    RateLimited,
    RequestRejected,
    SpendLimitReached,
)
from nightfold.observability import without_secrets
from nightfold.question import Question, load
from nightfold.text import one_line

CONNECT_TIMEOUT_S = 10

# These models think by default, and thinking shares max_tokens with the answer. For Opus it cannot be turned off.
SETTINGS: dict[str, dict[str, Any]] = {
    "claude-haiku-5-5": {"thinking": {"type": "disabled"}},
    "claude-opus-5-5": {"output_config": {"effort": "low"}},
    "claude-sonnet-4-6": {},  # thinks only when asked to
    "claude-sonnet-5-5": {"thinking": {"type": "between_tools"}},
}


def settings_for(model: str, question: Question) -> dict[str, Any]:
    """The request's settings: the model's and, of a structured question, the schema of its answer."""
    settings = SETTINGS.get(model, {})
    if not question.structured:
        return settings
    form = {"type": "json_schema", "schema": transform_schema(question.schema)}  # its bounds become words
    return settings | {"output_config": settings.get("output_config", {}) | {"format": form}}


class _Usage(BaseModel):
    input_tokens: Any = 0
    output_tokens: Any = 0


class _Message(BaseModel):
    """The part of a Messages response that we rely on, validated; the SDK would construct it unchecked."""

    content: list[dict[str, Any]]
    stop_reason: Any = None
    model: Any = None
    usage: _Usage = _Usage()


class Claude:
    """A client of the Messages API. Safe to share between threads."""

    def __init__(self, api_key: str, base_url: str, connections: BoundedClient | None = None) -> None:
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs a line per request otherwise
        self._connections = connections or BoundedClient()
        self._client = Anthropic(
            api_key=api_key.strip(), base_url=base_url, max_retries=0, http_client=self._connections
        )

    def ask(self, task: SiteTask, prompt: Prompt) -> Answer:
        """Claude's answer, as it came. Raises one of nightfold.errors within `request_timeout_s` seconds."""
        return _within(task.request_timeout_s, lambda: self._ask(task, prompt), self._connections.hang_up)

    def close(self) -> None:
        """Closes the connections; Lambda never does."""
        self._client.close()

    def _ask(self, task: SiteTask, prompt: Prompt) -> Answer:
        started = monotonic()
        try:
            with self._client.messages.with_streaming_response.create(
                model=task.model,
                max_tokens=task.max_tokens + thinking_tokens(task.model),
                system=prompt.system,
                messages=[{"role": "user", "content": prompt.user}],
                timeout=httpx2.Timeout(task.request_timeout_s, connect=min(CONNECT_TIMEOUT_S, task.request_timeout_s)),
                **settings_for(task.model, load(task.question)),
            ) as response:
                body = self._connections.read(response.http_response, task.request_timeout_s - (monotonic() - started))
                headers = {name: without_secrets(value) for name, value in response.headers.items()}
        except APIStatusError as error:
            raise _by_status(error) from None
        except (APITimeoutError, httpx2.TimeoutException):
            raise ModelTimeout(f"no whole answer within {task.request_timeout_s} s") from None
        except (APIConnectionError, httpx2.TransportError, httpx2.StreamError) as error:
            # Never its text: it may quote what was sent, and that holds the key.
            raise NetworkError(f"the connection failed: {type(error.__cause__ or error).__name__}") from None
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


def _within(seconds: float, call: Callable[[], Answer], hang_up: Callable[[int | None], None]) -> Answer:
    """`call`'s answer or error, or ModelTimeout: neither the SDK nor httpx2 has a deadline for a whole exchange."""
    results: list[Answer | Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:  # handed to the thread that waits
            results.append(error)

    thread = threading.Thread(target=run, daemon=True, name="claude")
    thread.start()
    thread.join(seconds + 0.5)  # the SDK's own timeout is more precise, so it gets to act first
    if not results:
        hang_up(thread.ident)
        raise ModelTimeout(f"no whole answer within {seconds} s")
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


# 429s for which waiting does not help, by their `error.details.error_code`.
SPEND_LIMITS = {"enforced_spend_limit_reached", "contract_spend_limit_reached"}
# A limit set by the owner of an account or a workspace has no status or code of its own, only this text.
USAGE_LIMIT = re.compile(r"400 \S*: You have reached your specified (workspace )?API usage limits")


def _by_status(error: APIStatusError) -> Exception:
    """https://platform.claude.com/docs/en/api/errors"""
    status, code = error.status_code, error.error_code
    detail = error.body.get("error") if isinstance(error.body, dict) else None
    detail = detail if isinstance(detail, dict) else {}
    message = one_line(without_secrets(f"{status} {detail.get('type', '')}: {detail.get('message', '')}"))
    if status == 402 or (status == 429 and code in SPEND_LIMITS) or (status == 400 and USAGE_LIMIT.match(message)):
        return SpendLimitReached(message)
    if status == 429:
        return RateLimited(message)
    if status in {503, 529}:
        return Overloaded(message)
    if status in {401, 403}:
        return AccessDenied(message)
    if status in {408, 409} or status >= 500:
        return NetworkError(message)
    if 300 <= status < 400:
        return RequestRejected(f"{status}: the server redirects; the key is not sent to another address")
    return RequestRejected(message)


def _read(body: bytes | bytearray) -> _Message:
    try:
        document = json.dumps(json.loads(body))  # written anew, so that no escape hides the key
        return _Message.model_validate(json.loads(without_secrets(document)))
    except (ValueError, RecursionError) as error:
        what = "fields are missing" if isinstance(error, ValidationError) else "it is not valid JSON"
        raise NetworkError(f"a 200 that is not a Messages response: {what} ({len(body)} bytes)") from None


def _text(message: _Message) -> str:
    """The text blocks of `message` (a thinking block may come first), in a form that survives JSON and its limits."""
    text = "".join(
        block["text"] for block in message.content if block.get("type") == "text" and isinstance(block.get("text"), str)
    )
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # no lone surrogates on a wire
    while (length := len(json.dumps(text))) > ANSWER_LIMIT:
        text = text[: len(text) * ANSWER_LIMIT // length - 1]  # no answer that keeps the contract is that long
    return text
