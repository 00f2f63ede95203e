"""The pure parts of collector/claude.py: reading a response, and classifying an error by its status."""

import json
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import OutputConfigParam, ThinkingConfigParam
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from collector.claude import SETTINGS, _by_status, _Message, _read, _text, _within
from collector.connections import BoundedClient
from nightfold import observability
from nightfold.answers import ANSWER_LIMIT
from nightfold.budget import PRICES
from nightfold.errors import ModelTimeout, NetworkError
from nightfold.observability import keep_secret
from nightfold.text import MESSAGE_LIMIT
from tests.support.clouds import PATIENCE_S
from tests.unit.examples import answer


def message(*blocks: Any) -> _Message:
    return _Message(content=list(blocks))


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    ("blocks", "read"),
    [
        ([text("[]")], "[]"),
        ([{"type": "thinking", "thinking": "hm", "signature": "x"}, text("[]")], "[]"),
        ([{"type": "redacted_thinking", "data": "x"}, text("[1,"), text(" 2]")], "[1, 2]"),
        ([{"type": "thinking", "text": "hm"}], ""),
        ([{"type": "text"}, {"type": "text", "text": None}, {"type": "text", "text": 7}, {}], ""),
        ([{"type": "of tomorrow", "text": "no"}, text("yes")], "yes"),
        ([], ""),
        ([text("a\ud800b")], "a\ufffdb"),
        ([text("\ud83d\udea2")], "\U0001f6a2"),
        ([text("\udea2\ud83d")], "\ufffd\ufffd"),
    ],
)
def test_the_text_blocks_are_read_and_can_be_sent_on(blocks: list[Any], read: str) -> None:
    assert _text(message(*blocks)) == read


@given(st.text(st.characters(), max_size=50), st.integers(1, 20_000))
def test_any_text_is_cut_to_what_fits_through_step_functions(words: str, times: int) -> None:
    read = _text(message(text(words * times)))
    assert len(json.dumps(read)) <= ANSWER_LIMIT
    read.encode()
    if len(json.dumps(words * times)) <= ANSWER_LIMIT // 2:
        assert len(read) <= len(words * times)
        assert json.dumps({"text": json.dumps(read)}).__len__() < 262_144


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b"<html>", b'"text"', b'{"content": null}', b"\xff", b"[" * 99_999]
)
def test_a_200_that_is_no_message_is_a_network_error(body: bytes) -> None:
    with pytest.raises(NetworkError, match="a 200 that is not a Messages response") as raised:
        _read(body)
    assert raised.value.__cause__ is None


def test_a_message_is_read_as_far_as_it_is_relied_upon() -> None:
    body = {"content": [text("[]")], "stop_reason": "end_turn", "usage": {"input_tokens": 7}, "container": {"new": 1}}
    read = _read(json.dumps(body).encode())
    assert (read.stop_reason, read.usage.input_tokens, read.usage.output_tokens, read.model) == ("end_turn", 7, 0, None)


def status_error(status: int, message: str = "No.", code: str | None = None) -> anthropic.APIStatusError:
    detail: dict[str, Any] = {"type": "some_error", "message": message}
    if code:
        detail["details"] = {"error_code": code}
    body = {"type": "error", "error": detail, "request_id": "req_1"}
    response = httpx2.Response(status, json=body, request=httpx2.Request("POST", "https://api.example/v1/messages"))
    client = anthropic.Anthropic(api_key="sk-test", base_url="https://api.example", max_retries=0)
    error = client._make_status_error_from_response(response)
    client.close()
    return error


@pytest.mark.parametrize(
    ("status", "name"),
    [
        *[(status, "RequestRejected") for status in (400, 404, 405, 413, 418, 422)],
        *[(status, "AccessDenied") for status in (401, 403)],
        (402, "SpendLimitReached"),
        *[(status, "NetworkError") for status in (408, 409, 500, 502, 504, 520, 599)],
        (429, "RateLimited"),
        *[(status, "Overloaded") for status in (503, 529)],
    ],
)
def test_an_error_is_classified_by_its_status(status: int, name: str) -> None:
    error = _by_status(status_error(status))
    assert type(error).__name__ == name
    assert str(error) == f"{status} some_error: No."


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (429, "Spend.", "enforced_spend_limit_reached"),
        (429, "Spend.", "contract_spend_limit_reached"),
        (400, "You have reached your specified API usage limits. You will regain access on 2026-12-01.", None),
        (400, "You have reached your specified workspace API usage limits. Access returns on 2026-12-01.", None),
    ],
)
def test_a_spend_limit_is_final_whatever_its_status(status: int, message: str, code: str | None) -> None:
    assert type(_by_status(status_error(status, message, code))).__name__ == "SpendLimitReached"


def test_every_listed_model_has_a_setting_that_the_sdk_knows() -> None:
    types: dict[str, Any] = {"thinking": ThinkingConfigParam, "output_config": OutputConfigParam}
    assert SETTINGS.keys() == PRICES.keys()
    for setting in SETTINGS.values():
        for name, value in setting.items():
            TypeAdapter(types[name]).validate_python(value)


def test_the_message_of_an_error_is_one_short_line() -> None:
    message = str(_by_status(status_error(400, "two\nlines \x1b[31m" + "x" * 1_000)))
    assert len(message) <= MESSAGE_LIMIT
    assert message.isprintable()


def test_a_key_that_a_server_echoes_is_removed_before_it_can_be_cut_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observability, "_secrets", set())
    keep_secret(key := "sk-ant-0123456789abcdef")
    words = "x" * (MESSAGE_LIMIT - 30) + key
    assert "sk-ant" not in str(_by_status(status_error(401, words)))
    echoed = json.dumps({"content": [text(words)], "model": words}).replace("sk-ant", "sk\\u002dant")
    assert "sk-ant" not in str(_read(echoed.encode()))


def test_a_deadline_holds_for_the_whole_exchange_and_errors_pass() -> None:
    assert _within(PATIENCE_S, answer, print) == answer()
    with pytest.raises(NetworkError, match="reset"):
        _within(PATIENCE_S, lambda: (_ for _ in ()).throw(NetworkError("reset")), print)


def test_a_body_that_drips_ends_as_a_timeout_of_the_whole_call() -> None:
    with BoundedClient() as connections, pytest.raises(httpx2.TimeoutException):
        connections.read(httpx2.Response(200, content=iter([b" ", b" "])), seconds=-1)


def test_silence_ends_as_a_timeout() -> None:
    import threading

    release = threading.Event()
    hung_up: list[int | None] = []
    try:
        with pytest.raises(ModelTimeout):
            _within(-0.4, lambda: (release.wait(PATIENCE_S) and answer()) or answer(), hung_up.append)
        assert hung_up
    finally:
        release.set()
