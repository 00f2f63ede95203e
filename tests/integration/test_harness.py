"""A failure in what a test plugs into the embedded cloud fails the test, and never becomes an outcome."""

from pathlib import Path
from typing import Any, NoReturn

import pytest

from infra.cloud.harness import HarnessFailed
from tests.integration.small_cloud import collect, outcome, small_cloud
from tests.support.faults import NeverArrive


def broken(*_: Any) -> NoReturn:
    raise RuntimeError("no port is free")


def test_a_runtimes_own_failure_ends_the_wait_for_the_run(tmp_path: Path) -> None:
    with (
        pytest.raises(HarnessFailed, match="RuntimeError: no port is free"),
        small_cloud(tmp_path, runtime=broken) as c,
    ):
        collect(c, {"id": "one"})


def test_a_hooks_own_failure_ends_the_wait_for_the_run(tmp_path: Path) -> None:
    with pytest.raises(HarnessFailed, match="no port is free"), small_cloud(tmp_path, faults=broken) as cloud:
        collect(cloud, {"id": "one"})


def test_a_failure_that_no_wait_has_raised_is_raised_when_the_cloud_closes(tmp_path: Path) -> None:
    def invoke() -> None:
        with small_cloud(tmp_path, runtime=broken) as cloud, pytest.raises(RuntimeError, match="no port is free"):
            cloud.invoke("Probe", {"do": "echo"})

    with pytest.raises(HarnessFailed) as failed:
        invoke()
    assert isinstance(failed.value.__cause__, RuntimeError)


def test_a_connection_that_a_test_breaks_is_an_outcome(tmp_path: Path) -> None:
    def unreachable(_: str, operation: str, __: object) -> NeverArrive | None:
        return NeverArrive() if operation == "Invoke" else None

    with small_cloud(tmp_path, faults=unreachable, speed=10) as cloud:
        collect(cloud, {"id": "one"})
        assert outcome(cloud, "one")["caught"]["Error"] == "Lambda.SdkClientException"
