"""The collector against a hostile server: every attack ends as expected, after few bytes, and the key does not leak."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from collector.claude import Claude
from collector.prompt import prompt_for
from nightfold import errors
from nightfold.answers import Violation, read_entries
from nightfold.branch import COUNT_LIMIT, NAME_LIMIT, Answer
from tests.support.hostile_api import ATTACKS, HostileAPI
from tests.support.questions import CANDIDATES
from tests.support.site_tasks import site_task

KEY = "sk-ant-MARKER-0123456789abcdef"
BY_THE_COLLECTOR = {name: attack for name, attack in ATTACKS.items() if attack.error != "SchemaViolation"}


@pytest.fixture
def api() -> Iterator[HostileAPI]:
    with HostileAPI() as api:
        yield api


def ask(api: HostileAPI, attack: str, model: str = "claude-sonnet-5-5") -> Answer:
    api.script("harbour", [attack])
    # Only a time-out ends what drips, half of one an error that does; a busy machine needs more for others.
    seconds = 1 if attack.startswith("dripping") and attack != "dripping error" else 30
    task = site_task(model=model, request_timeout_s=seconds)
    with closing(Claude(KEY, api.url)) as claude:
        return claude.ask(task, prompt_for(task))


@pytest.mark.parametrize("attack", [name for name, attack in BY_THE_COLLECTOR.items() if attack.error])
def test_an_attack_ends_as_the_expected_error(api: HostileAPI, attack: str) -> None:
    with pytest.raises(getattr(errors, ATTACKS[attack].error or "")) as raised:
        ask(api, attack)
    assert len(str(raised.value)) <= 200
    assert str(raised.value).isprintable()
    assert raised.value.__cause__ is None
    assert api.calls["harbour"] == 1
    assert api.stolen == 0


@pytest.mark.parametrize("attack", [name for name, attack in BY_THE_COLLECTOR.items() if not attack.error])
def test_a_good_answer_is_kept_whatever_is_written_around_it(api: HostileAPI, attack: str) -> None:
    answer = ask(api, attack)
    assert len(read_entries(answer.text, CANDIDATES)) == 5
    for count in (answer.input_tokens, answer.output_tokens, answer.latency_ms):
        assert 0 <= count <= COUNT_LIMIT
    for name in (
        answer.model,
        answer.stop_reason,
        answer.request_id,
        *answer.rate_limits,
        *answer.rate_limits.values(),
    ):
        assert len(name or "") <= NAME_LIMIT
    assert len(answer.rate_limits) <= 20


@pytest.mark.parametrize("attack", [name for name in ATTACKS if "bomb" in name or "endless" in name])
def test_a_body_is_bounded_before_it_is_in_memory(api: HostileAPI, attack: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((errors.NetworkError, errors.RequestRejected, errors.Overloaded)):
            ask(api, attack)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000  # bytes; the attacks hold 64 MB
    # What the collector read, plus what is in the sockets' buffers.
    assert api.sent[attack] < (30_000_000 if "answer" in attack else 10_000_000)


def test_a_body_is_requested_uncompressed(api: HostileAPI) -> None:
    ask(api, "negative tokens")
    assert api.encodings == {"identity"}


def test_a_hidden_instruction_is_not_an_answer(api: HostileAPI) -> None:
    with pytest.raises(Violation, match=r"U\+E0041"):
        read_entries(ask(api, "hidden instruction").text, CANDIDATES)


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("claude-haiku-5-5", {"thinking": {"type": "disabled"}, "max_tokens": 1_024}),
        ("claude-opus-5-5", {"output_config": {"effort": "low"}, "max_tokens": 1_024 + 2_048}),
        ("claude-sonnet-4-6", {"max_tokens": 1_024}),
        ("claude-sonnet-5-5", {"thinking": {"type": "between_tools"}, "max_tokens": 1_024}),
        ("claude-unheard-of", {"max_tokens": 1_024}),
    ],
)
def test_each_model_is_called_with_its_setting(api: HostileAPI, model: str, sent: dict[str, Any]) -> None:
    ask(api, "negative tokens", model)
    assert {name: api.last[name] for name in api.last if name in ("thinking", "output_config", "max_tokens")} == sent
