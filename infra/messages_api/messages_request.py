"""A request to `POST /v1/messages`, validated as the real API does, and the site that it asks about.

What the real API rejects is rejected here with the same status and error type, so that a mistake shows
on the laptop and not in the first paid run.
"""

import re
import secrets
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StrictInt, ValidationError, model_validator
from pydantic_core import PydanticCustomError, from_json

from infra.messages_api.output_format import OutputFormat

ALWAYS_THINKING = ("claude-sonnet-5-5", "claude-opus-5-5")
_WORD = re.compile(r"[a-z0-9][a-z0-9.-]*")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]+")
_SITE_LINE = re.compile(r"^site:(.*)$", re.MULTILINE)
_CHARS_PER_TOKEN = 4  # a rule of thumb for English; it only has to be consistent


class RejectedError(Exception):
    """The request itself is wrong; the model is not called."""

    def __init__(self, status: int, type_: str, message: str) -> None:
        super().__init__(message)
        self.status, self.type, self.message = status, type_, message


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """The content of a valid request. `question` is the text of the last user message."""

    model: str
    max_tokens: int
    system: str
    question: str
    input_tokens: int
    structured: bool = False  # whether the answer has to follow a schema

    @property
    def prompt(self) -> str:
        return f"{self.system}\n\n{self.question}" if self.system else self.question


def _text_of(content: object) -> str:
    """The text of a message's content: a string, or the text blocks of a list."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise PydanticCustomError("content", "Input should be a valid string or list of content blocks")
    return "\n".join(str(block.get("text", "")) for block in content if block.get("type") == "text")


_Text = Annotated[str, BeforeValidator(_text_of)]


class _Turn(BaseModel):
    role: Literal["user", "assistant"]
    content: _Text

    @model_validator(mode="after")
    def _says_something(self) -> "_Turn":
        if not self.content:
            raise PydanticCustomError("empty", "content must not be empty")
        return self


class _Thinking(BaseModel):
    type: Literal["adaptive", "between_tools", "disabled", "enabled"]


class _Output(BaseModel):
    effort: Literal["low", "medium", "high", "xhigh", "max"] = "low"
    format: OutputFormat | None = None


class _Body(BaseModel):
    """Error messages match the real API's, which are pydantic's."""

    model: str
    max_tokens: Annotated[StrictInt, Field(ge=1)]
    messages: Annotated[list[_Turn], Field(min_length=1)]
    system: _Text = ""
    thinking: _Thinking | None = None
    output_config: _Output | None = None
    stream: Any = None

    @model_validator(mode="before")
    @classmethod
    def _has_only_what_there_is(cls, fields: Any) -> Any:
        for gone in ("temperature", "top_p", "top_k"):
            if isinstance(fields, dict) and gone in fields:
                raise PydanticCustomError("gone", f"{gone}: not supported by this model")
        return fields

    @model_validator(mode="after")
    def _can_be_answered(self) -> "_Body":
        if self.thinking and self.thinking.type == "disabled" and self.model in ALWAYS_THINKING:
            raise PydanticCustomError(
                "thinking", "thinking.type: 'disabled' is not supported by {model}", {"model": self.model}
            )
        if self.stream:
            raise PydanticCustomError("stream", "stream: not simulated")
        if self.messages[-1].role == "assistant":
            raise PydanticCustomError(
                "prefill",
                "This model does not support assistant message prefill. The conversation must end with a user message.",
            )
        return self


def count_tokens(text: str) -> int:
    return -(-len(text) // _CHARS_PER_TOKEN)


def cut_to_tokens(text: str, tokens: int) -> str:
    return text[: tokens * _CHARS_PER_TOKEN]


def parse_request(
    method: str, path: str, headers: Mapping[str, str], body: bytes, key: str | None = None
) -> MessagesRequest:
    """The request, or RejectedError. Header names must be in lower case. `key` is the only API key accepted."""
    if path.partition("?")[0] != "/v1/messages":
        raise RejectedError(404, "not_found_error", "Not found")
    if method != "POST":
        raise RejectedError(405, "invalid_request_error", "Method Not Allowed")
    _check_key(headers, key)
    if "anthropic-version" not in headers:
        raise _invalid("anthropic-version: header is required")
    try:
        asked = _Body.model_validate_json(body)
    except ValidationError as error:
        raise _rejected(error) from None
    if not asked.model.startswith("claude-"):
        raise RejectedError(404, "not_found_error", f"model: {asked.model}")
    texts = [turn.content for turn in asked.messages]
    input_tokens = count_tokens(asked.system) + sum(map(count_tokens, texts))
    structured = asked.output_config is not None and asked.output_config.format is not None
    return MessagesRequest(asked.model, asked.max_tokens, asked.system, texts[-1], input_tokens, structured)


def _rejected(error: ValidationError) -> RejectedError:
    """The first mistake, with the name of its field."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return _invalid("The request body is not valid JSON")
    field = ".".join(map(str, first["loc"]))
    return _invalid(f"{field}: {first['msg']}" if field else first["msg"])


def question_of_any(body: bytes) -> str:
    """The last user message of a request that may be invalid in any way; "" if it cannot be read."""
    try:
        return _text_of(from_json(body)["messages"][-1]["content"])
    except (ValueError, LookupError, TypeError):
        return ""


def _check_key(headers: Mapping[str, str], key: str | None) -> None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    given = bearer or headers.get("x-api-key", "").strip()
    if not given:
        raise RejectedError(401, "authentication_error", "x-api-key header is required")
    if key is not None and not secrets.compare_digest(given.encode(), key.encode()):
        raise RejectedError(401, "authentication_error", "invalid x-api-key")


def _invalid(message: str) -> RejectedError:
    return RejectedError(400, "invalid_request_error", message)


def find_site(question: str, known: Container[str]) -> str:
    """The site that a question is about; "" if it does not name one.

    The line `Site: …` is searched first, then the whole text. In each, the first word that is a known
    name wins, otherwise the first that looks like a domain name. This takes one look-up per word,
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
