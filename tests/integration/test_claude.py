"""The collector's client against the simulated Messages API, over HTTP and through the real SDK."""

import json
import logging
from collections.abc import Iterator
from contextlib import closing

import pytest

from collector.claude import Claude
from collector.prompt import prompt_for
from infra.messages_api import MessagesAPI
from nightfold.answers import ANSWER_LIMIT, read_entries
from nightfold.branch import Answer
from nightfold.errors import AccessDenied, ModelTimeout, NetworkError, RateLimited
from tests.support.clouds import PATIENCE_S
from tests.support.questions import CANDIDATES
from tests.support.site_tasks import site_task


@pytest.fixture
def api() -> Iterator[MessagesAPI]:
    with MessagesAPI() as api:
        yield api


def ask(api: MessagesAPI, *, key: str = "sk-test", **changes: object) -> Answer:
    asked = site_task(**{"request_timeout_s": PATIENCE_S} | changes)
    with closing(Claude(key, api.url)) as claude:
        return claude.ask(asked, prompt_for(asked))


def test_an_answer_carries_what_the_call_cost(api: MessagesAPI) -> None:
    answer = ask(api)
    assert len(read_entries(answer.text, CANDIDATES)) == 5
    assert answer.stop_reason == "end_turn"
    assert answer.input_tokens == api.history[0].input_tokens > 0
    assert answer.output_tokens == api.history[0].output_tokens > 0
    assert answer.request_id == api.history[0].request_id
    assert answer.rate_limits["anthropic-ratelimit-output-tokens-limit"] == "400000"


def test_the_request_follows_the_task(api: MessagesAPI) -> None:
    api.script("harbour", ["ok"])
    ask(api, max_tokens=512, model="claude-haiku-5-5", brief="About boats.")
    call = api.history[0]
    assert (call.max_tokens, call.model, call.site) == (512, "claude-haiku-5-5", "harbour")
    assert "About boats." in call.prompt
    assert "only the JSON array" in call.prompt


def test_the_client_makes_no_retries_of_its_own(api: MessagesAPI) -> None:
    api.script("harbour", [429, 429, 429])
    with pytest.raises(RateLimited):
        ask(api)
    assert api.calls("harbour") == 1


@pytest.mark.parametrize("behaviour", ["hang", "drip", "drip_headers"])
def test_no_call_takes_longer_than_its_deadline(api: MessagesAPI, behaviour: str) -> None:
    api.script("harbour", [{"do": behaviour, "latency_s": 60}])
    with pytest.raises(ModelTimeout, match="no whole answer within 1 s"):
        ask(api, request_timeout_s=1)
    assert all(call.answered_at is None for call in api.history), "it waited for the whole answer, which takes a minute"


def test_a_key_with_a_line_break_is_stripped(api: MessagesAPI) -> None:
    assert ask(api, key="sk-test\n").stop_reason == "end_turn"


def test_an_error_message_contains_neither_key_nor_prompt(api: MessagesAPI, caplog: pytest.LogCaptureFixture) -> None:
    api.script("harbour", [401, "reset", 500])
    with caplog.at_level(logging.DEBUG, logger="collector"):
        for error in (AccessDenied, NetworkError, NetworkError):
            with pytest.raises(error) as raised:
                ask(api, key="sk-very-secret", brief="A confidential brief.")
            text = str(raised.value) + caplog.text
            assert "sk-very-secret" not in text
            assert "confidential" not in text
            assert len(str(raised.value)) <= 200
            assert raised.value.__cause__ is None


def test_text_that_cannot_be_encoded_is_made_safe(api: MessagesAPI) -> None:
    api.script("harbour", [{"do": "text", "text": "a\ud800b"}])
    assert ask(api).text == "a\ufffdb"


def test_a_megabyte_of_text_is_cut_to_the_size_limit_of_a_state(api: MessagesAPI) -> None:
    api.script("harbour", [{"do": "text", "text": '"' * 1_000_000, "output_tokens": 1_000}])
    text = ask(api).text
    assert text
    assert len(json.dumps(text)) <= ANSWER_LIMIT


def test_an_unreachable_server_is_a_network_error() -> None:
    asked = site_task()
    with closing(Claude("sk-test", "http://127.0.0.1:1")) as claude, pytest.raises(NetworkError):
        claude.ask(asked, prompt_for(asked))
