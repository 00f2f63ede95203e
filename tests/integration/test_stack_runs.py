"""Runs of a stack over HTTP: planned, started, followed, left, watched and stopped."""

import json
import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.cli import stack_follow
from infra.cli.progress import Progress
from infra.cli.stack_follow import StackFollower
from infra.stack.deployed import DeployedStack
from infra.stack.executions import Executions
from tests.integration.command_line import Started
from tests.integration.served_stack import SPEED, Served, simulated_stack
from tests.support.clouds import put_sites

HANGS = [{"do": "hang", "latency_s": 25 * SPEED}]  # longer than a command takes to start


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Served]:
    """A stack whose bucket has a site list, and which has not run yet."""
    with simulated_stack(tmp_path / "state") as stack:
        put_sites(stack.cloud, ("harbour", "orchard", "lantern", "meadow"))
        yield stack


def script(stack: Served, site: str, answers: list[Any]) -> None:
    assert stack.api is not None
    stack.api.script(site, answers)


def summary(stack: Served, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((stack.state_dir / "runs" / run_id / "summary.json").read_bytes())
    return found


def test_a_run_is_followed_to_its_census(stack: Served) -> None:
    script(stack, "meadow", [401])
    script(stack, "orchard", [{"do": "ok", "latency_s": 10 * SPEED}])  # so that the others are seen
    script(stack, "lantern", ["prose", "ok"])
    done = stack.stack("run", "--json")
    assert done.code == 2
    assert (done.json["planned"], done.json["accepted"], done.json["missed"]["unknown"]) == (4, 3, 1)
    assert done.json["sites"] == [
        {name: site[name] for name in site if name != "question"}
        for site in summary(stack, done.json["run_id"])["sites"]
    ]
    lines = [line.partition(" ")[2] for line in done.err.splitlines()]
    seen = [line.split(":")[0] for line in lines if line.startswith("run ")]
    assert seen[:2] == [f"run collecting 4 sites as {done.json['run_id']}", "run wave 1"]
    assert {"harbour stored", "meadow missed: unknown, AccessDenied", "run closed: 3 accepted, 1 missed"} <= {*lines}


def test_a_run_that_is_left_goes_on_and_can_be_watched(stack: Served, tmp_path: Path) -> None:
    script(stack, "harbour", [*HANGS, "ok"])
    run = Started(tmp_path, "run", "--limit", "2", "--stack", "nightfold", **stack.credentials())
    run.wait_for("run wave 1")
    assert run.ctrl_c() == 130
    *_, goes_on, follow, stop = run.err.splitlines()
    run_id = follow.split()[-3]
    assert goes_on.startswith(f"Run {run_id} goes on: ")
    assert follow.startswith("to follow  ")
    assert follow.endswith(f" watch {run_id} --stack nightfold")
    assert stop.endswith(f" stop {run_id} --stack nightfold")
    watched = stack.stack("watch", "--json")
    assert (watched.code, watched.json["run_id"], watched.json["accepted"]) == (0, run_id, 2)
    again = stack.stack("watch", run_id[:-2], "--json", "--quiet")
    assert (again.code, again.json, again.err) == (0, watched.json, "")
    none = stack.stack("watch")
    assert (none.code, none.err.partition(";")[0]) == (
        64,
        "nightfold: watch: no run of the stack nightfold is under way",
    )


def test_a_run_that_is_stopped_is_closed_by_the_next_redrive(stack: Served) -> None:
    script(stack, "meadow", [*HANGS, "ok"])
    started = stack.stack("run", "--detach")
    run_id = started.out.strip()
    assert started.err.splitlines()[-1].endswith(f" stop {run_id} --stack nightfold")
    while len(list((stack.state_dir / "runs" / run_id).glob("round-1/outcomes/*.json"))) < 3:
        time.sleep(0.05)
    assert stack.stack("stop", run_id).code == 64  # there is no terminal to agree on
    stopped = stack.stack("stop", run_id, "--yes")
    assert (stopped.code, stopped.out.splitlines()[0].partition(",")[0]) == (0, "Stopped. Kept: 3 of 4 outcomes")
    arn = stack.cloud.machine_arn.replace(":stateMachine:", ":execution:") + f":{run_id}"
    while stack.cloud.execution(arn).status == "RUNNING":  # here, until the call that hangs has ended
        time.sleep(0.05)
    again = stack.stack("stop", run_id, "--yes")
    assert (again.code, "has ended" in again.err) == (64, True)
    listed = stack.stack("misses").err
    assert f"Run {run_id} stopped before it finished: 3 of 4 outcomes stored." in listed
    assert [site["site_id"] for site in stack.stack("redrive", "--dry-run", "--json").json["sites"]] == ["meadow"]
    redriven = stack.stack("redrive", "--json")
    assert (redriven.code, redriven.json["planned"], redriven.json["accepted"]) == (0, 1, 1)
    assert f"Run {run_id} stopped before it finished. It is now closed: 3 of 4 sites accepted" in redriven.err
    assert (summary(stack, run_id)["planned"], summary(stack, run_id)["accepted"]) == (4, 3)
    watched = stack.stack("watch", run_id, "--json")
    assert (watched.code, watched.json["accepted"]) == (2, 3)


def test_ctrl_c_while_a_run_is_started_does_not_hide_its_name(stack: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Executions.start

    def pressed(*given: Any) -> None:
        start(*given)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Executions, "start", pressed)
    done = stack.stack("run", "--limit", "1", "--detach")
    states = stack.cloud.client("stepfunctions")
    (started,) = states.list_executions(stateMachineArn=stack.cloud.machine_arn)["executions"]
    assert done.out.strip() == started["name"]


def test_a_stack_refuses_what_only_a_laptop_can_do(stack: Served) -> None:
    for options, sentence in (
        (("--sites", "mine.json"), "--sites mine.json: the runs of a stack read s3://"),
        (
            ("--speed", "3"),
            "--simulate, --scenario, --seed, --speed: only for a laptop; a stack has its parameter",
        ),
        (("--only", "harbor"), "--only: there is no site 'harbor' in the list; the nearest is 'harbour'"),
        (("--set", "remember=-1"), "--set remember: "),
    ):
        refused = stack.stack("run", *options)
        assert (refused.code, refused.out) == (64, "")
        assert sentence in refused.err
    assert not list((stack.state_dir / "runs").glob("*"))


def test_a_redrive_without_misses_has_nothing_to_do(stack: Served) -> None:
    done = stack.stack("redrive", "--json")
    assert (done.code, done.json["planned"], done.json["status"]) == (0, 0, "complete")
    assert "Nothing to do: no miss is waiting." in done.err


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        time.sleep(0.02)


@pytest.mark.parametrize("sites", [2, 30])
def test_following_sends_one_request_a_second_whatever_the_number_of_sites(
    sites: int, stack: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.credentials().items():
        monkeypatch.setenv(name, value)
    clock, sent = Clock(), list[tuple[float, str]]()
    monkeypatch.setattr(stack_follow, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep))
    monkeypatch.setattr(stack_follow, "PAGE", 10)  # outcomes that one request lists
    put_sites(stack.cloud, [f"site-{number}" for number in range(sites)])
    script(stack, "site-0", [{"do": "ok", "latency_s": 10 * SPEED}])  # long enough to look at each thing more than once
    deployed, progress = DeployedStack("nightfold"), Progress()
    deployed._session._core.register(
        "before-send", lambda **event: sent.append((clock.now, event["event_name"].rpartition(".")[2]))
    )
    records, executions = deployed.records, deployed.executions
    executions.start("small", {})
    del sent[:]
    ended = StackFollower(executions, records, "small", executions.arn("small"), progress).until_its_end()
    assert ended.status == "SUCCEEDED"
    assert progress.counts["accepted"] == sites
    seen = {operation for _, operation in sent}
    assert seen >= {"DescribeExecution", "GetObject", "ListObjectsV2", "ListMapRuns", "DescribeMapRun"}
    times = [at for at, _ in sent]
    assert all(later - earlier >= stack_follow.TURN_S for earlier, later in pairwise(times))
