import re
from datetime import UTC, datetime, timedelta

import pytest

from infra.messages_api.rate_limits import RateLimits
from infra.messages_api.scenario import Limits


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def limits(clock: Clock, *, speed: float = 1.0, requests: int = 60, tokens: int = 6_000) -> RateLimits:
    return RateLimits(
        Limits(requests_per_minute=requests, input_tokens_per_minute=tokens, output_tokens_per_minute=tokens),
        speed=speed,
        clock=clock,
    )


def test_requests_are_refused_at_the_limit_and_admitted_as_the_bucket_refills() -> None:
    clock = Clock()
    account = limits(clock)
    assert [account.admit(1) for _ in range(60)] == [None] * 60
    refused = account.admit(1)
    assert refused is not None
    assert refused.limit == "60 requests per minute"
    assert refused.retry_after_s == pytest.approx(1.0)
    clock.now += 1.001
    assert account.admit(1) is None
    assert account.admit(1) is not None


def test_input_tokens_are_charged_on_arrival_and_a_refused_call_costs_nothing() -> None:
    account = limits(Clock())
    assert account.admit(5_000) is None
    refused = account.admit(2_000)
    assert refused is not None
    assert refused.limit == "6,000 input tokens per minute"
    assert refused.retry_after_s == pytest.approx(10.0)
    assert account.admit(1_000) is None


def test_output_tokens_may_be_overdrawn_and_then_the_next_call_is_refused() -> None:
    clock = Clock()
    account = limits(clock)
    account.spend_output(9_000)
    refused = account.admit(1)
    assert refused is not None
    assert refused.limit == "6,000 output tokens per minute"
    assert refused.retry_after_s == pytest.approx(30.01)
    clock.now += 30.02
    assert account.admit(1) is None


def test_speed_shortens_the_refill() -> None:
    account = limits(Clock(), speed=10)
    account.spend_output(9_000)
    refused = account.admit(1)
    assert refused is not None
    assert refused.retry_after_s == pytest.approx(3.001)


def test_the_headers_show_what_is_left_and_when_the_bucket_is_full() -> None:
    account = limits(Clock(), tokens=60_000)
    account.admit(20_400)
    account.spend_output(70_000)
    before = datetime.now(UTC)
    headers = account.headers()
    after = datetime.now(UTC)
    remaining = {name: value for name, value in headers.items() if name.endswith("-remaining")}
    assert remaining == {
        "anthropic-ratelimit-requests-remaining": "59",
        "anthropic-ratelimit-tokens-remaining": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "40000",
        "anthropic-ratelimit-output-tokens-remaining": "0",
    }
    assert headers["anthropic-ratelimit-tokens-limit"] == "120000"
    assert all(re.fullmatch(r"[\d-]{10}T[\d:]{8}Z", headers[name]) for name in headers if name.endswith("-reset"))
    reset = datetime.fromisoformat(headers["anthropic-ratelimit-output-tokens-reset"])
    assert before + timedelta(seconds=70 - 1) < reset <= after + timedelta(seconds=70)  # in whole seconds
    assert len(headers) == 12
