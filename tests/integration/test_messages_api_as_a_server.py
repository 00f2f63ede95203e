"""The simulated Messages API as a server: concurrency, rate limits, closing, the foreground process."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic.types import Message

from infra.messages_api import MessagesAPI
from infra.messages_api.endpoint import Simulation, choose_endpoint
from infra.messages_api.scenario import Scenario
from infra.messages_api.server import main
from tests.support.clouds import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[2]


def ask(client: anthropic.Anthropic, site: str = "harbour") -> Message:
    return client.messages.create(
        model="claude-sonnet-5-5", max_tokens=1024, messages=[{"role": "user", "content": f"Site: {site}"}]
    )


def threads_besides(others: set[threading.Thread]) -> set[threading.Thread]:
    return set(threading.enumerate()) - others


def test_calls_run_concurrently(sdk: anthropic.Anthropic) -> None:
    crowd = 80
    with ThreadPoolExecutor(crowd) as pool, MessagesAPI() as api:
        for number in range(crowd):
            api.script(f"site-{number}", ["hang", "ok"])
        client = sdk.with_options(base_url=api.url)
        for number in range(crowd):
            pool.submit(ask, client, f"site-{number}")
        wait_until(lambda: api.peak == crowd)
        answers = [ask(client, f"site-{number}") for number in range(crowd)]
        assert api.peak == crowd + 1
        assert len({answer.id for answer in answers}) == crowd
        assert [call.behaviour for call in api.history] == ["hang"] * crowd + ["ok"] * crowd


def test_consecutive_calls_never_count_as_concurrent(sdk: anthropic.Anthropic) -> None:
    with MessagesAPI() as api:
        for _ in range(100):
            ask(sdk.with_options(base_url=api.url))
        assert (api.peak, len(api.history)) == (1, 100)


def test_a_call_that_its_client_abandoned_no_longer_counts_as_running(sdk: anthropic.Anthropic) -> None:
    with MessagesAPI() as api:
        api.script("harbour", ["hang"])
        client, before = sdk.with_options(base_url=api.url), set(threading.enumerate())
        with pytest.raises(anthropic.APITimeoutError):
            ask(client.with_options(timeout=0.1))
        wait_until(lambda: len(api.history) == 1 and not threads_besides(before))
        ask(client)
        assert api.peak == 1
        assert [(call.status, call.answered_at is None) for call in api.history] == [(None, True), (200, False)]


def test_the_limit_of_requests_is_enforced_and_refills_faster_at_a_higher_speed(sdk: anthropic.Anthropic) -> None:
    with MessagesAPI(Scenario(limits={"requests_per_minute": 3}), speed=10) as api:
        client = sdk.with_options(base_url=api.url)
        api.script("harbour", [{"do": "ok", "output_tokens": 101 + number} for number in range(50)])
        costs: list[int] = []
        with pytest.raises(anthropic.RateLimitError, match="rate limit of 3 requests per minute") as caught:
            # The fourth call, or a later one: the bucket refills while a slow machine makes calls.
            costs.extend(ask(client).usage.output_tokens for _ in range(50))
        assert len(costs) >= 3
        assert type(caught.value) is anthropic.RateLimitError
        headers = caught.value.response.headers
        assert 0 < float(headers["retry-after"]) <= 20 / 10  # a third of a minute, ten times as fast
        assert headers["anthropic-ratelimit-requests-limit"] == "3"
        assert headers["anthropic-ratelimit-requests-remaining"] == "0"
        time.sleep(float(headers["retry-after"]) + 0.01)
        assert ask(client).usage.output_tokens == 101 + len(costs), "a call over the limit uses up no step"
        assert [call.behaviour for call in api.history] == ["ok"] * len(costs) + ["limited", "ok"]


def test_real_output_counts_towards_the_limit_and_max_tokens_does_not(sdk: anthropic.Anthropic) -> None:
    with MessagesAPI(Scenario(limits={"output_tokens_per_minute": 500}, output_tokens=400)) as api:
        client = sdk.with_options(base_url=api.url)
        assert [ask(client).usage.output_tokens for _ in range(2)] == [400, 400]
        with pytest.raises(anthropic.RateLimitError, match="500 output tokens per minute") as caught:
            ask(client)
        assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60


@pytest.mark.parametrize("do", ["hang", "slow", "drip", "drip_headers"])
def test_closing_does_not_wait_for_calls(sdk: anthropic.Anthropic, do: str) -> None:
    before = set(threading.enumerate())
    with ThreadPoolExecutor(8) as pool:
        with MessagesAPI() as api:
            client = sdk.with_options(base_url=api.url)
            for number in range(8):
                api.script(f"site-{number}", [{"do": do, "latency_s": 600}])
            calls = [pool.submit(ask, client, f"site-{number}") for number in range(8)]
            wait_until(lambda: api.peak == 8)
        # Not APITimeoutError: the server hung up before the client's own timeout.
        assert {type(call.exception()) for call in calls} == {anthropic.APIConnectionError}
    wait_until(lambda: not threads_besides(before))


def test_one_connection_serves_many_calls_and_each_response_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writes would cost 40 ms per call: Nagle's algorithm against delayed ACK."""
    written: list[tuple[Any, bytes, int]] = []

    def noting(write: Callable[..., Any]) -> Callable[..., Any]:
        def noted(own: socket.socket, data: Any, *rest: Any) -> Any:
            written.append((own.getsockname(), bytes(data), own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            return write(own, data, *rest)

        return noted

    for name in ("send", "sendall"):
        monkeypatch.setattr(socket.socket, name, noting(getattr(socket.socket, name)))
    body = {"model": "claude-sonnet-5-5", "max_tokens": 999, "messages": [{"role": "user", "content": "Site: a"}]}
    headers = {"x-api-key": "sk-any", "anthropic-version": "2026-10-21"}
    with MessagesAPI() as api, closing(http.client.HTTPConnection(api.url.removeprefix("http://"))) as connection:
        connection.connect()
        first = connection.sock
        for _ in range(20):
            connection.request("POST", "/v1/messages", json.dumps(body), headers)
            assert len(json.load(connection.getresponse())["content"]) == 1
        assert connection.sock is first
        answers = [(data, no_delay) for address, data, no_delay in written if address == first.getpeername()]
    assert [data[:13] for data, _ in answers] == [b"HTTP/1.1 200 "] * 20
    assert all(no_delay for _, no_delay in answers)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"GET / HTTP/1.1\r\nhost: HERE\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET /v1/messages HTTP/1.1\r\nhost: HERE\r\n\r\n", b"HTTP/1.1 405 "),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 403 "),
        (b"GET / HTTP/1.1\r\nhost: rebound.example\r\n\r\n", b"HTTP/1.1 403 "),
        (b"POST / HTTP/1.1\r\nhost: HERE\r\norigin: http://evil.example\r\n\r\n", b"HTTP/1.1 403 "),
        (b"hello\r\n\r\n", b"HTTP/1.1 400 "),
        (b"POST /v1/messages HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"POST /v1/messages HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n", b"HTTP/1.1 413 "),
        (b"POST /v1/messages HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", b"HTTP/1.1 411 "),
        (b"POST /v1/messages HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n", b"HTTP/1.1 100 "),
        (b"x" * 70_000, b"HTTP/1.1 431 "),
    ],
)
def test_an_invalid_request_gets_a_response_and_does_no_harm(
    sdk: anthropic.Anthropic, sent: bytes, answer: bytes
) -> None:
    with MessagesAPI() as api:
        host, port = api.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as client:
            client.sendall(sent.replace(b"HERE", f"{host}:{port}".encode()))
            assert client.recv(1000).startswith(answer)
            assert api.history == () or b"HERE" in sent
        assert ask(sdk.with_options(base_url=api.url)).stop_reason == "end_turn"


def test_prompts_are_kept_only_on_request(sdk: anthropic.Anthropic) -> None:
    for keep, prompt in ((True, "Site: harbour"), (False, "")):
        with MessagesAPI(keep_prompts=keep) as api:
            ask(sdk.with_options(base_url=api.url))
            call = api.history[0]
            assert (call.prompt, call.model, call.max_tokens) == (prompt, "claude-sonnet-5-5", 1024)


def test_it_runs_in_the_foreground_with_a_scenario_file(sdk: anthropic.Anthropic) -> None:
    command = [sys.executable, "-m", "infra.messages_api", "--port", "0", "--speed", "100"]
    with subprocess.Popen(  # noqa: S603 - our own module
        [*command, "--scenario", "events/scenario.json"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            client = sdk.with_options(base_url=server.stdout.readline().strip())
            assert ask(client).stop_reason == "end_turn"
            with pytest.raises(anthropic.OverloadedError):
                ask(client, "orchard")
        finally:
            server.send_signal(signal.SIGTERM)
    assert server.returncode == 0


def test_a_speed_of_nothing_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^64$"):
        main(["--port", "0", "--speed", "0"])
    assert capsys.readouterr().err == "speed must be above 0, not 0.0\n"


def test_an_api_with_a_key_takes_only_that_one(sdk: anthropic.Anthropic) -> None:
    with MessagesAPI(key="sk-ant-own") as api:
        client = sdk.with_options(base_url=api.url)
        assert ask(client.with_options(api_key="sk-ant-own")).stop_reason == "end_turn"
        for other in ("sk-ant-real", "sk-ant-ownx"):
            with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
                ask(client.with_options(api_key=other))


def test_the_simulated_api_of_a_cloud_takes_any_key_that_is_stored_there(sdk: anthropic.Anthropic) -> None:
    endpoint = choose_endpoint({}, Simulation(asked_for=True), default_scenario=None)
    with endpoint.open() as url:
        for key in (endpoint.key, "sk-ant-of-the-team"):
            assert ask(sdk.with_options(base_url=url, api_key=key)).stop_reason == "end_turn"
