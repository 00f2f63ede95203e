"""A request to `POST /v1/messages`, checked as the real API checks it, and the site that it asks about.

What the real API refuses is refused here with the same status and error type, so that a mistake shows
on the laptop and not in the first paid night.
"""

import json
import re
import secrets
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

ALWAYS_THINKING = ("claude-sonnet-5-5", "claude-opus-5-5")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
_WORD = re.compile(r"[a-z0-9][a-z0-9.-]*")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]+")
_SITE_LINE = re.compile(r"^site:(.*)$", re.MULTILINE)
_CHARS_PER_TOKEN = 4  # a rule of thumb for English; only has to be steady


class RejectedError(Exception):
    """The request itself is wrong; no model is asked."""

    def __init__(self, status: int, type_: str, message: str) -> None:
        super().__init__(message)
        self.status, self.type, self.message = status, type_, message


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """What a good request asks for. `question` is the text of the last user message."""

    model: str
    max_tokens: int
    system: str
    question: str
    input_tokens: int

    @property
    def prompt(self) -> str:
        return f"{self.system}\n\n{self.question}" if self.system else self.question


def count_tokens(text: str) -> int:
    return -(-len(text) // _CHARS_PER_TOKEN)


def cut_to_tokens(text: str, tokens: int) -> str:
    return text[: tokens * _CHARS_PER_TOKEN]


def parse_request(
    method: str, path: str, headers: Mapping[str, str], body: bytes, key: str | None = None
) -> MessagesRequest:
    """The request, or RejectedError. Header names are expected in lower case. `key` is the only one accepted."""
    if path.partition("?")[0] != "/v1/messages":
        raise RejectedError(404, "not_found_error", "Not found")
    if method != "POST":
        raise RejectedError(405, "invalid_request_error", "Method Not Allowed")
    _check_key(headers, key)
    if "anthropic-version" not in headers:
        _invalid("anthropic-version: header is required")
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):  # bad UTF-8 is a ValueError
        _invalid("The request body is not valid JSON")
    if not isinstance(fields, dict):
        _invalid("Input should be a valid dictionary")
    return _check_fields(fields)


def question_of_any(body: bytes) -> str:
    """The last user message of a request that may be wrong in every respect; "" if it cannot be read."""
    try:
        return _text_of(json.loads(body)["messages"][-1]["content"], "content")
    except (ValueError, RecursionError, LookupError, TypeError, RejectedError):
        return ""


def _check_key(headers: Mapping[str, str], key: str | None) -> None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    given = bearer or headers.get("x-api-key", "").strip()
    if not given:
        raise RejectedError(401, "authentication_error", "x-api-key header is required")
    if key is not None and not secrets.compare_digest(given.encode(), key.encode()):
        raise RejectedError(401, "authentication_error", "invalid x-api-key")


def _check_fields(fields: dict[str, Any]) -> MessagesRequest:
    for required in ("model", "max_tokens", "messages"):
        if required not in fields:
            _invalid(f"{required}: Field required")
    model, max_tokens, messages = fields["model"], fields["max_tokens"], fields["messages"]
    if not isinstance(model, str):
        _invalid("model: Input should be a valid string")
    if not model.startswith("claude-"):
        raise RejectedError(404, "not_found_error", f"model: {model}")
    if type(max_tokens) is not int:
        _invalid("max_tokens: Input should be a valid integer")
    if max_tokens < 1:
        _invalid("max_tokens: Input should be greater than or equal to 1")
    for gone in ("temperature", "top_p", "top_k"):
        if gone in fields:
            _invalid(f"{gone}: not supported by this model")
    _check_thinking(model, fields)
    if fields.get("stream"):
        _invalid("stream: not simulated")
    texts = _texts(messages)
    system = _text_of(fields.get("system", ""), "system")
    input_tokens = count_tokens(system) + sum(count_tokens(text) for text in texts)
    return MessagesRequest(model, max_tokens, system, texts[-1], input_tokens)


def _check_thinking(model: str, fields: dict[str, Any]) -> None:
    thinking, output = fields.get("thinking"), fields.get("output_config")
    kind = thinking.get("type") if isinstance(thinking, dict) else thinking
    if kind not in (None, "adaptive", "between_tools", "disabled", "enabled"):
        _invalid("thinking.type: Input should be 'adaptive', 'between_tools', 'disabled' or 'enabled'")
    if kind == "disabled" and model in ALWAYS_THINKING:
        _invalid(f"thinking.type: 'disabled' is not supported by {model}")
    if output is not None and (not isinstance(output, dict) or output.get("effort", "low") not in EFFORTS):
        _invalid(f"output_config.effort: Input should be one of {', '.join(EFFORTS)}")


def _texts(messages: object) -> list[str]:
    if not isinstance(messages, list) or not messages:
        _invalid("messages: at least one message is required")
    texts = []
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            _invalid(f"messages.{index}.role: Input should be 'user' or 'assistant'")
        texts.append(_text_of(message.get("content"), f"messages.{index}.content"))
        if not texts[-1]:
            _invalid(f"messages.{index}: content must not be empty")
    if messages[-1]["role"] == "assistant":
        _invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    return texts


def _text_of(content: object, field: str) -> str:
    """The text of a content: a string, or a list of blocks of which the text ones are read."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        _invalid(f"{field}: Input should be a valid string or list of content blocks")
    return "\n".join(str(block.get("text", "")) for block in content if block.get("type") == "text")


def _invalid(message: str) -> NoReturn:
    raise RejectedError(400, "invalid_request_error", message)


def find_site(question: str, known: Container[str]) -> str:
    """The site that a question is about; "" if it names none.

    The line `Site: …` is asked first, the whole text after it. In each, the first word that is a known
    name wins; if there is none, the first that looks like a domain name. One look-up for each word,
    so that the cost does not depend on the number of sites.
    """
    text = question.lower()
    line = _SITE_LINE.search(text)
    return (_site_in(line[1], known) if line else "") or _site_in(text, known)


def _site_in(text: str, known: Container[str]) -> str:
    domain = ""
    for match in _WORD.finditer(text):
        word = match[0].rstrip(".")
        if word in known:
            return word
        if not domain and _DOMAIN.fullmatch(word):
            domain = word
    return domain
