"""A day of an operator: one command a step, as short as it is typed, with no more than the operator's policy."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.cloud.embedded import Cloud
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.integration.command_line import ROOT, Finished
from tests.integration.served_stack import SPEED, Served

LONGEST = 60  # keystrokes of a command


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Served]:
    """A stack that has been deployed, and nothing else."""
    with MessagesAPI(Scenario(), speed=SPEED, key="sk-ant-of-the-team") as api:
        parameters = {"AnthropicBaseUrl": api.url}
        with Cloud(tmp_path / "state", speed=SPEED, parameters=parameters) as cloud, cloud.serve() as url:
            yield Served(cloud, tmp_path / "state", url, api)


def test_an_operators_day(stack: Served) -> None:
    assert stack.api is not None
    typed = list[str]()

    def operator(command: str, given: str | None = None) -> Finished:
        typed.append(f"nightfold {command} --stack nightfold")
        return stack.stack(*command.split(), key=stack.operators_key(), given=given)

    too_soon = operator("run")
    assert (too_soon.code, "there is no s3://" in too_soon.err) == (64, True)
    assert operator("key", given="sk-ant-of-the-team\n").code == 0
    sites = json.loads((ROOT / "events/sites.json").read_bytes())
    assert operator("sites - --yes", given=json.dumps(sites[:3])).code == 0
    assert operator("config max_concurrency=2 --yes").code == 0

    stack.api.script("orchard", [401])
    ran = operator("run --json")
    assert (ran.code, ran.json["planned"], ran.json["accepted"], ran.json["missed"]["unknown"]) == (2, 3, 2, 1)
    assert [miss["error"] for miss in operator("misses --json").json] == ["AccessDenied"]

    for _ in range(2):  # the cause is still there
        stack.api.script("orchard", [401])
        assert operator("redrive --quiet").code == 1
    assert [(miss["queue"], miss["attempts"]) for miss in operator("misses --json").json] == [("parked", 3)]
    assert operator("unpark orchard --yes").code == 0
    stack.api.script("orchard", ["ok"])
    redriven = operator("redrive --json")
    assert (redriven.code, redriven.json["planned"], redriven.json["accepted"]) == (0, 1, 1)
    assert operator("misses --json").json == []

    added = operator("sites - --yes", given=json.dumps(sites))
    assert (added.code, "meadow" in added.err, "harbour" in added.err) == (0, True, False)
    night = operator("run --json")
    assert (night.code, night.json["accepted"], {wave["max_concurrency"] for wave in night.json["waves"]}) == (
        0,
        4,
        {2},
    )

    exported = [json.loads(line) for line in operator("results --format json").out.splitlines()]
    assert {answer["site_id"] for answer in exported} == {site["site_id"] for site in sites}
    assert night.json["run_id"] in operator("report latest --text").out
    assert operator("memory orchard").out
    for run in json.loads(operator("report --list --json").out):
        assert run["planned"] == run["accepted"] + sum(run["missed"].values())
    assert max(map(len, typed)) <= LONGEST, typed


@pytest.mark.parametrize(
    "command", [("plan", "--json"), ("redrive", "--dry-run", "--json"), ("memory", "harbour", "--json")], ids=" ".join
)
def test_what_would_run_is_the_same_on_a_laptop(served: Served, command: tuple[str, ...]) -> None:
    more = ("--simulate",) if command[0] == "redrive" else ()
    here, there = served.laptop(*command, *more), served.stack(*command)
    assert here.code == there.code == 0
    assert there.out == here.out
