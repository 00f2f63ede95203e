"""The commands with --stack, against the embedded cloud over HTTP: they show what they show of its state directory."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from infra.cli.stack import Stack
from infra.stack.configuration import ConfigurationParameter
from nightfold.errors import InvalidInput
from tests.integration.command_line import Finished, nightfold
from tests.integration.served_stack import Served, another_stack, overtaken
from tests.support.stack_commands import NEEDED, typed

READING = [
    ("results",),
    ("results", "--all", "--format", "json"),
    ("results", "--format", "csv", "--site", "harbour"),
    ("results", "--format", "markdown"),
    ("config",),
    ("config", "--json"),
    ("report", "--list"),
    ("report", "--list", "--json"),
]


def without_age(listed: Finished) -> list[dict[str, Any]]:
    return [{name: value for name, value in miss.items() if name != "age"} for miss in listed.json]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_stack_shows_what_its_state_directory_shows(served: Served, command: tuple[str, ...]) -> None:
    here, there = served.laptop(*command), served.stack(*command)
    assert here.out
    assert (there.code, there.out, there.err) == (here.code, here.out, here.err)


def test_the_misses_of_a_stack_are_those_of_its_queues(served: Served) -> None:
    here, there = (without_age(place("misses", "--json")) for place in (served.laptop, served.stack))
    assert [(miss["queue"], miss["site_id"], miss["attempts"]) for miss in here] == [
        ("waiting", "meadow", 1),
        ("parked", "meadow", 3),
    ]
    assert there == here


def test_a_look_at_the_misses_receives_no_message(served: Served) -> None:
    before = {path: path.read_bytes() for path in (served.state_dir / "queues").rglob("*.json")}
    assert len(before) == 2
    assert served.stack("misses").code == 0
    assert {path: path.read_bytes() for path in (served.state_dir / "queues").rglob("*.json")} == before


def test_the_list_of_misses_has_commands_for_a_stack(served: Served) -> None:
    listed = served.stack("misses", "--region", "us-east-1")
    assert " redrive --stack nightfold --region us-east-1` collects the simulated misses." in listed.err
    ways_out = [line.partition("main ")[2] for line in listed.out.splitlines()[-2:]]
    assert ways_out == [f"{command} --stack nightfold --region us-east-1" for command in ("unpark", "drop SITE")]


def test_where_the_queue_has_more_or_fewer_than_the_records_is_said(served: Served) -> None:
    assert "by SQS's count" not in served.stack("misses").err
    sqs, url = served.cloud.client("sqs"), served.cloud.output("ParkedQueueUrl")
    by_hand = sqs.send_message(QueueUrl=url, MessageBody="by hand")["MessageId"]
    try:
        listed = served.stack("misses")
        assert "2 parked by SQS's count, 1 by the records of the runs." in listed.err
        assert "waiting by SQS's count" not in listed.err
    finally:
        (served.state_dir / "queues" / "ParkedQueue" / f"{by_hand}.json").unlink()


def test_the_page_of_a_stack_is_a_copy_of_the_stored_one(served: Served) -> None:
    here, there = (place("report", "latest", "--json").json for place in (served.laptop, served.stack))
    assert there["run_id"] == here["run_id"]
    stored, copy = (Path(unquote(urlsplit(each["page"]).path)) for each in (here, there))
    assert copy != stored
    assert copy.read_bytes() == stored.read_bytes()
    assert copy.parent.parent.stat().st_mode & 0o077 == 0


def test_a_run_without_a_page_has_one_that_is_rendered_from_its_records(served: Served) -> None:
    page = served.state_dir / "runs" / served.laptop("report", "--json").json["run_id"] / "digest.html"
    kept = page.rename(page.with_name("kept.html"))
    try:
        shown = served.stack("report", page.parent.name, "--json").json
        rendered = Path(unquote(urlsplit(shown["page"]).path)).read_text()
        assert "redrive --stack nightfold" in rendered
        assert not page.exists()
    finally:
        kept.rename(page)


def test_the_message_of_a_run_differs_by_its_links_alone(served: Served) -> None:
    here, there = (place("report", "--text").out.splitlines() for place in (served.laptop, served.stack))
    assert len(here) > 5
    different = [(one, other) for one, other in zip(here, there, strict=True) if one != other]
    assert all("file:///" in other or "aws " in other for _, other in different)


def test_a_run_of_a_stack_is_named_by_its_beginning(served: Served) -> None:
    newest = served.laptop("report", "--json").json["run_id"]
    assert served.stack("report", newest[:-2], "--json").json["run_id"] == newest
    refused = served.stack("report", "noon")
    assert refused.code == 64
    assert "there is no run 'noon' in the stack nightfold; `" in refused.err
    assert "report --list --stack nightfold` lists them" in refused.err


def test_a_run_that_stopped_before_it_finished_is_named(served: Served) -> None:
    newest = max((served.state_dir / "runs").iterdir(), key=lambda run: run.name.partition("-")[2])
    summary = newest / "summary.json"
    summary.rename(newest / "kept.json")
    try:
        listed = served.stack("misses", "--json")
        assert f"Run {newest.name} stopped before it finished: 4 of 4 outcomes stored.\n" in listed.err
        assert "redrive --stack nightfold` closes it and collects the rest." in listed.err
    finally:
        (newest / "kept.json").rename(summary)


def test_a_changed_field_keeps_the_others(served: Served) -> None:
    file = served.state_dir / "configuration.json"
    stored = file.read_text()
    try:
        changed = served.stack("config", "cost_ceiling_usd=5", "--yes", "--json")
        assert (changed.code, changed.err) == (0, "cost_ceiling_usd: null → 5\n")
        assert json.loads(file.read_text()) == json.loads(stored) | {"cost_ceiling_usd": 5}
        again = served.stack("config", "max_concurrency=8", "--yes")
        assert again.out == "1 field changed in /nightfold/configuration\n"
        assert json.loads(file.read_text()) == json.loads(stored) | {"cost_ceiling_usd": 5, "max_concurrency": 8}
        assert served.laptop("config", "--json").json["cost_ceiling_usd"] == 5
    finally:
        served.cloud.client("ssm").put_parameter(Name="/nightfold/configuration", Value=stored.strip(), Overwrite=True)


def test_a_configuration_that_was_changed_meanwhile_is_not_replaced(served: Served) -> None:
    """Changed before the last look; test_stack_faults has changes between it and the write."""
    ssm, name = served.cloud.client("ssm"), "/nightfold/configuration"
    parameter = ConfigurationParameter(name, ssm)
    stored = parameter.read()
    other = lambda: ssm.put_parameter(Name=name, Value='{"remember": 7}', Overwrite=True)  # noqa: E731
    parameter._ssm = overtaken(ssm, "get_parameter", other)
    try:
        with pytest.raises(InvalidInput, match="changed meanwhile"):
            parameter.replace(stored, {"remember": 3})
        assert ConfigurationParameter(name, ssm).read() == '{"remember": 7}'
    finally:
        ssm.put_parameter(Name=name, Value=stored, Overwrite=True)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, "no AWS credentials were found"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "no AWS region is set; add --region"),
        ({"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"}, "what answered is not AWS"),
    ],
)
def test_what_keeps_a_stack_from_being_read_is_one_sentence(
    served: Served, environment: dict[str, str], sentence: str
) -> None:
    refused = served.stack("results", **environment)
    assert (refused.code, refused.out) == (64, "")
    assert sentence in refused.err
    assert len(refused.err.splitlines()) == 1


def test_a_stack_that_is_not_there_is_named_with_its_region(served: Served) -> None:
    refused = served.stack("results", "--stack", "other")
    assert refused.code == 64
    assert "there is no stack 'other' in us-east-1" in refused.err


def test_logs_are_named_for_a_stack_that_is_given_by_its_arn(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in served.credentials().items():
        monkeypatch.setenv(name, value)
    found = served.cloud.client("cloudformation").describe_stacks(StackName="nightfold")["Stacks"]
    assert Stack(found[0]["StackId"]).logs == "CloudWatch's log groups /aws/lambda/nightfold-*"


@pytest.mark.parametrize("command", NEEDED)
def test_a_stack_of_something_else_is_named(served: Served, command: str) -> None:
    with another_stack(served, "shop", drop=set(served.cloud._deployment.outputs)):
        refused = served.stack(*typed(command), "--stack", "shop")
    assert (refused.code, refused.out) == (64, "")
    assert "'shop' is not a stack of Nightfold: it has no output" in refused.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--region", "eu-west-1"), "--region: only a deployed stack has one; add --stack NAME"),
        (("--profile", "mine"), "--profile: only a deployed stack has one; add --stack NAME"),
        (("--stack", "nightfold", "--state-dir", "x"), "--state-dir: a deployed stack has none"),
    ],
)
def test_options_of_a_stack_and_of_a_laptop_do_not_mix(options: tuple[str, ...], sentence: str) -> None:
    refused = nightfold("results", *options)
    assert refused.code == 64
    assert sentence in refused.err
