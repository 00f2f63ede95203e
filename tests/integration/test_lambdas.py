"""Lambda in the embedded cloud: what a caller of lambda:Invoke sees, and what a handler sees of the process."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.cloud.embedded import Cloud
from tests.integration.small_cloud import small_cloud
from tests.support.clouds import wait_until


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with small_cloud(tmp_path_factory.mktemp("lambdas"), parameters={"Greeting": "good evening"}) as cloud:
        yield cloud


def ask(cloud: Cloud, do: str, function: str = "Probe", **event: Any) -> tuple[Any, str | None]:
    return cloud.invoke(function, {"do": do, **event})


def test_event_and_result_pass_through_json(cloud: Cloud) -> None:
    event = {"do": "echo", "text": "ü\ud800\u202e", "number": 1.5, "nothing": None, "list": [1, [2]]}
    assert cloud.invoke("Probe", event) == (event, None)


def test_a_function_sees_the_variables_of_the_template_and_of_lambda(cloud: Cloud) -> None:
    seen, _ = ask(cloud, "environment", "Other")
    assert seen["GREETING"] == "good evening"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == cloud.physical("Other")
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert seen["AWS_REGION"] == "us-east-1"
    assert seen["_HANDLER"] == "probe.handler.handler"
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")


def test_a_function_sees_the_laptops_proxy(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    seen, _ = ask(cloud, "environment")
    assert seen["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert seen["NO_PROXY"] == "127.0.0.1,localhost"


def test_a_function_sees_nothing_of_the_users_environment(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL", "HTTP_PROXY"):
        monkeypatch.setenv(name, "the user's")
    seen, _ = ask(cloud, "environment")
    assert "the user's" not in seen.values()
    assert not {"HOME", "PATH", "PYTEST_CURRENT_TEST"} & set(seen)


def test_the_users_environment_sees_nothing_of_a_function(cloud: Cloud) -> None:
    ask(cloud, "set_environment")
    assert "LEFT_BEHIND" not in os.environ
    assert "LEFT_BEHIND" not in ask(cloud, "environment")[0]


def test_each_function_has_the_credentials_of_its_own_role(cloud: Cloud) -> None:
    keys = {ask(cloud, "environment", name)[0]["AWS_ACCESS_KEY_ID"] for name in ("Probe", "Other")}
    assert len(keys) == 2


def test_a_thread_of_a_handler_belongs_to_the_function(cloud: Cloud) -> None:
    assert ask(cloud, "environment_of_a_thread")[0] == [cloud.physical("Probe")]


def test_concurrent_invocations_see_only_their_own_environment(cloud: Cloud) -> None:
    names = ["Probe", "Other"] * 10
    with ThreadPoolExecutor(len(names)) as pool:
        seen = list(pool.map(lambda name: ask(cloud, "environment", name)[0]["AWS_LAMBDA_FUNCTION_NAME"], names))
    assert seen == [cloud.physical(name) for name in names]


def test_the_context_has_the_runtimes_fields(cloud: Cloud) -> None:
    context, _ = ask(cloud, "context", "Other")
    assert context["function_name"] == cloud.physical("Other")
    assert context["invoked_function_arn"].endswith(f":function:{cloud.physical('Other')}")
    assert context["memory_limit_in_mb"] == "256"
    assert len(context["aws_request_id"]) == 36
    assert 0 < context["remaining"] <= 900_000


def test_an_exception_is_its_bare_class_name_a_message_and_a_trace(cloud: Cloud) -> None:
    failure, error = ask(cloud, "raise")
    assert error == "Hopeless"
    assert failure["errorMessage"] == "nothing to be done"
    assert set(failure) == {"errorMessage", "errorType", "requestId", "stackTrace"}
    assert "do_raise" in failure["stackTrace"][-1]
    assert not any("infra/cloud" in frame for frame in failure["stackTrace"])


def test_a_function_that_runs_out_of_time_is_cut_off_and_can_no_longer_call_aws(cloud: Cloud, tmp_path: Path) -> None:
    until, mark = tmp_path / "until", tmp_path / "mark"
    failure, error = ask(cloud, "wait_then_touch_s3", "Hurried", until=str(until), mark=str(mark))
    assert not mark.exists(), "the caller waited for the function's own end"
    assert (error, set(failure)) == ("Sandbox.Timedout", {"errorMessage", "errorType"})
    assert re.fullmatch(r"RequestId: \S+ Error: Task timed out after 1\.00 seconds", failure["errorMessage"])
    until.touch()
    wait_until(lambda: mark.exists() and bool(mark.read_text()))
    assert mark.read_text() == "SandboxKilled"


@pytest.mark.parametrize(
    ("do", "event", "function", "error", "says"),
    [
        ("exit", {"status": 3}, "Probe", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("exit", {"status": 0}, "Probe", "Runtime.ExitError", "Runtime exited without providing a reason"),
        ("interrupt", {}, "Probe", "Runtime.ExitError", "exit status 1"),
        ("unserialisable", {}, "Probe", "Runtime.MarshalError", "Object of type set is not JSON serializable"),
        ("big", {"size": 6_291_600}, "Probe", "Function.ResponseSizeTooLarge", "exceeded maximum allowed payload size"),
        (
            "echo",
            {},
            "Misnamed",
            "Runtime.HandlerNotFound",
            "Handler 'no_such_handler' missing on module 'probe.handler'",
        ),
        ("echo", {}, "Missing", "Runtime.ImportModuleError", "Unable to import module 'probe.no_such_module'"),
    ],
)
def test_a_handlers_side_effects_do_not_leak(
    cloud: Cloud, do: str, event: dict[str, Any], function: str, error: str, says: str
) -> None:
    failure, error_type = ask(cloud, do, function, **event)
    assert error_type == error
    assert says in failure["errorMessage"]


def test_a_missing_function_is_a_404(cloud: Cloud) -> None:
    with pytest.raises(ClientError) as error:
        cloud.client("lambda").invoke(FunctionName="nobody", Payload=b"{}")
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"{", "InvalidRequestContentException"), (b'"' + b"x" * 6_291_556 + b'"', "RequestTooLargeException")],
)
def test_an_event_that_lambda_would_refuse_is_refused(cloud: Cloud, payload: bytes, code: str) -> None:
    with pytest.raises(ClientError) as error:
        cloud.client("lambda").invoke(FunctionName=cloud.physical("Probe"), Payload=payload)
    assert error.value.response["Error"]["Code"] == code


def test_what_a_handler_prints_goes_to_its_log_in_whole_lines(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda each: ask(cloud, "print", line=f"{each:03}" * 500), range(20)))
    lines = (cloud.state_dir / "logs" / "Probe.log").read_text().splitlines()
    assert sorted(line for line in lines if len(line) == 1500) == sorted(
        f"{each:03}" * 500 for each in range(20) for _ in "ab"
    )
    assert capsys.readouterr().out == ""
