"""The built packages under AWS's own runtime: a whole run, every row of the table of failures, with IAM.

Processes of the Lambda Runtime Interface Emulator run the packages, with nothing else on their path; the state machine,
S3, SQS and SSM are the embedded cloud's, served on a port.
"""

import ipaddress
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from infra.cloud.embedded import Cloud
from infra.cloud.lambdas.python_runtime import Function, InvokeResult
from infra.messages_api import MessagesAPI
from infra.packaging import packages
from nightfold.answers import ANSWER_LIMIT
from tests.support import runtime_emulator
from tests.support.clouds import PATIENCE_S, cloud_at
from tests.support.failure_table import TABLE, Row
from tests.support.runtime_emulator import Emulator, available
from tests.support.site_tasks import TASK
from tests.support.table_run import TableRun

SPEED = 10.0  # CollectSite's 660 s become 66: enough for a cold start on a busy machine
AT_ONCE = 8

pytestmark = pytest.mark.skipif(not available(), reason="the Runtime Interface Emulator is a Linux program")


@pytest.fixture(scope="module")
def built() -> Path:
    return packages.for_this_machine()


@pytest.fixture(scope="module")
def emulator(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(built, tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def run(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> TableRun:
    return TableRun(tmp_path_factory.mktemp("run"), at_once=AT_ONCE, speed=SPEED, emulator=emulator)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.site_id)
def test_a_site_ends_as_the_table_says(run: TableRun, row: Row) -> None:
    run.check(row)


def test_the_census_adds_up(run: TableRun) -> None:
    run.check_census()


def test_the_run_used_cold_and_warm_processes(run: TableRun, emulator: Emulator) -> None:
    assert run.sites
    assert AT_ONCE < emulator.cold < AT_ONCE + 10  # the collector's, and one or two of each other function
    assert emulator.warm > len(TABLE)


def test_a_branch_leaves_one_line_in_the_log(run: TableRun, emulator: Emulator) -> None:
    log = (emulator.logs / "Collector.emulator.log").read_text(errors="replace")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"level"')]
    assert {line["site_id"] for line in lines if line["step"] == "collect"} == run.sites.keys()
    assert "sk-test" not in log


@pytest.fixture
def cloud(built: Path, tmp_path: Path) -> Iterator[tuple[Cloud, MessagesAPI]]:
    with (
        MessagesAPI() as api,
        Emulator(built, tmp_path / "emulator") as emulator,
        cloud_at(tmp_path / "state", api.url, runtime=emulator.invoke) as cloud,
        cloud.serve() as emulator.endpoint,
    ):
        yield cloud, api


def site_task(**changes: object) -> dict[str, Any]:
    return {"task": TASK | {"request_timeout_s": 60} | changes, "attempt": 0}


def test_a_function_that_runs_out_of_time_is_named_as_on_lambda(built: Path, tmp_path: Path) -> None:
    seconds = iter([5])  # only the first call: the next one may need time to start

    def hasty(function: Function, *call: Any) -> InvokeResult:
        return rie.invoke(replace(function, timeout_s=next(seconds, function.timeout_s)), *call)

    with (
        MessagesAPI() as api,
        Emulator(built, tmp_path / "emulator") as rie,
        cloud_at(tmp_path / "state", api.url, runtime=hasty) as running,
        running.serve() as rie.endpoint,
    ):
        api.script("harbour", ["hang", "ok"])
        failure, error = running.invoke("Collector", site_task())
        assert error == "Sandbox.Timedout"
        assert "Task timed out after 5.00 seconds" in failure["errorMessage"]
        api.script("harbour", ["ok"])
        outcome, error = running.invoke("Collector", site_task())
        assert (error, outcome["outcome"]) == (None, "answered")


def test_a_port_that_another_program_uses_is_skipped(
    cloud: tuple[Cloud, MessagesAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("", 0)) as first, socket.create_server(("", 0)) as second:
        free = iter(range(31_000, 31_010, 2))
        taken = [first.getsockname()[1], second.getsockname()[1] - 1]  # one for each of the emulator's ports
        monkeypatch.setattr(runtime_emulator, "_ports", chain(taken, free))
        outcome, error = cloud[0].invoke("Collector", site_task())
    assert (error, outcome["outcome"]) == (None, "answered")
    assert next(free) == 31_002


def test_two_processes_never_share_an_address() -> None:
    pids = (1, 255, 256, 65_535, 65_536, 4_194_303)
    addresses = {runtime_emulator.own_address(pid) for pid in pids}
    assert len(addresses) == len(pids)
    assert all(ipaddress.ip_address(address).is_loopback for address in addresses)
    assert "127.0.0.1" not in addresses


def test_an_error_is_reported_by_its_bare_name_on_one_line(cloud: tuple[Cloud, MessagesAPI]) -> None:
    running, api = cloud
    api.script("harbour", [529])
    failure, error = running.invoke("Collector", site_task())
    assert error == "Overloaded"
    assert failure["errorMessage"].startswith("attempt 1: 529")
    assert len(json.dumps(failure)) < 4_000


def test_the_largest_answer_fits_into_a_state(cloud: tuple[Cloud, MessagesAPI]) -> None:
    running, api = cloud
    api.script("harbour", [{"do": "text", "text": '"\u20ac' * 500_000, "output_tokens": 1_000}])
    outcome, error = running.invoke("Collector", site_task())
    assert error is None
    assert len(json.dumps(outcome["answer"]["text"])) <= ANSWER_LIMIT
    assert len(json.dumps(json.dumps(outcome))) < 262_144


def test_invalid_input_is_refused_with_its_field(cloud: tuple[Cloud, MessagesAPI]) -> None:
    running, _ = cloud
    ended = running.wait(running.start({"max_concurrency": 0}), timeout=PATIENCE_S)
    assert (ended.status, ended.error) == ("FAILED", "InvalidInput")
    assert "max_concurrency" in (ended.cause or "")
