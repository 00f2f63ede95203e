"""`nightfold doctor --stack` against the embedded cloud over HTTP: each finding is provoked there."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.stub import Stubber

from infra.cli.main import nightfold as commands
from infra.cloud import aws_response
from infra.cloud.embedded import Cloud
from infra.cloud.moto_patches.interception import access_key
from infra.cloud.router import Next
from infra.cloud.services import ACCOUNT, REGION
from infra.fingerprint import fingerprint
from infra.stack.inspection import Inspection
from nightfold.storage import SITES_KEY
from tests.integration.command_line import ROOT, Finished
from tests.integration.served_stack import OPERATOR, Served, another_stack
from tests.support.stack_commands import NEEDED, NOT_ASKED_FOR

ACTIONS = NEEDED["doctor"] | NOT_ASKED_FOR["doctor"].keys()
QUOTA = {"ConcurrentExecutions": 1_000, "UnreservedConcurrentExecutions": 1_000}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A stack that lacks nothing, apart from mail."""
    state_dir = tmp_path_factory.mktemp("doctor") / "state"

    def with_a_quota(service: str, _: str, request: AWSPreparedRequest, following: Next) -> AWSResponse:
        """moto does not have Lambda's quota."""
        if service != "lambda" or not request.url.endswith("/account-settings"):
            return following()
        if not cloud._role_sessions.permit(access_key(request), "lambda:GetAccountSettings", "*"):
            return aws_response.error(request, "lambda", 403, "AccessDeniedException", "not allowed")
        return aws_response.json(request, {"AccountLimit": QUOTA})

    with Cloud(state_dir, secret="simulated", around=with_a_quota) as cloud, cloud.serve() as url:
        sites = (ROOT / "events/sites.json").read_bytes()
        cloud.client("s3").put_object(Bucket=cloud.output("BucketName"), Key=SITES_KEY, Body=sites)
        for which, hour in (("night", "15 3"), ("morning", "0 7")):
            cloud.client("scheduler").create_schedule(
                Name=f"nightfold-{which}",
                ScheduleExpression=f"cron({hour} * * ? *)",
                ScheduleExpressionTimezone="Europe/Berlin",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={"Arn": cloud.machine_arn, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/schedule", "Input": "{}"},
            )
        yield Served(cloud, state_dir, url)


def doctor(served: Served, *options: str, without: str = "") -> Finished:
    """With the permissions that the command needs, and no other."""
    key = of_any_stack(served) if "--stack" in options else served.key_of(ACTIONS - {without})
    return served.stack("doctor", *options, key=key)


def of_any_stack(served: Served) -> str:
    """The same permissions, without an end at the stack `nightfold`."""
    statements = [{"Effect": "Allow", "Action": sorted(ACTIONS), "Resource": "*"}]
    policies: dict[str, Any] = {OPERATOR: [{"Version": "2012-10-17", "Statement": statements}]}
    served.cloud._role_sessions.deployed(served.cloud._deployment.policies | policies)
    return served.cloud._role_sessions.credentials(OPERATOR)["AccessKeyId"]


def findings(done: Finished) -> dict[str, tuple[str, str, str | None]]:
    found = {each["check"]: (each["status"], each["found"], each["command"]) for each in done.json}
    assert done.code == (1 if "fix" in {status for status, *_ in found.values()} else 0)
    ours = {word for _, _, command in found.values() for word in re.findall(r"main ([a-z]+) ", f"{command}")}
    assert ours <= commands.commands.keys()
    return found


def only(served: Served, check: str, *options: str) -> tuple[str, str, str | None]:
    """What this check has found. All others have found what they do in a stack that lacks nothing."""
    found = findings(doctor(served, "--json", *options))
    wrong = [name for name, (status, *_) in found.items() if status == "fix" and name != check]
    assert not wrong, found
    return found[check]


def test_a_stack_that_lacks_nothing(served: Served) -> None:
    done = served.stack("doctor", key=served.operators_key())
    assert (done.code, done.err) == (0, "")
    signs = {line.partition("  ")[2].partition(":")[0]: line[:2] for line in done.out.splitlines() if line[:2] != "  "}
    assert [check for check, sign in signs.items() if sign == "--"] == ["template", "alarm mail", "digest mail"]
    assert [check for check, sign in signs.items() if sign == "ok"] == [
        "aws credentials",
        "stack",
        "workflow",
        "api key",
        "configuration",
        "sites",
        "lambda concurrency",
        "night",
        "morning",
        "misses",
    ]
    assert "ok  sites: 4 sites in s3://nightfold-bucket-123456789012/config/sites.json\n" in done.out
    assert "ok  lambda concurrency: 4 branches at once at most; 1,000 are free in this account, of 1,000\n" in done.out
    assert "at 03:15 CE" in done.out


def test_a_command_stands_below_what_it_fixes(served: Served) -> None:
    lines = doctor(served).out.splitlines()
    at = lines.index("--  alarm mail: no subscription: alarms are not delivered")
    command = "make build && sam deploy --stack-name nightfold --parameter-overrides AlarmEmail=you@example.com"
    assert lines[at + 1] == f"      {command}"


NOT_OF_ONE_CHECK = {"cloudformation:DescribeStacks", *NOT_ASKED_FOR["doctor"]}


@pytest.mark.parametrize("action", sorted(ACTIONS - NOT_OF_ONE_CHECK))
def test_a_missing_permission_is_what_its_check_has_found(served: Served, action: str) -> None:
    found = findings(doctor(served, "--json", without=action))
    refused = [text for status, text, _ in found.values() if status == "fix"]
    assert refused
    assert all(f"do not allow {action};" in text for text in refused), refused
    assert len(found) == 13, "the other checks have been done"
    attaching = {command for status, _, command in found.values() if status == "fix"}
    policy = served.cloud.output("OperatorPolicyArn")
    assert attaching == {f"aws iam attach-user-policy --user-name moto --policy-arn {policy}"}


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, "no AWS credentials were found"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "no AWS region is set"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}, "AWS did not answer"),
    ],
)
def test_without_an_answer_nothing_is_found(served: Served, environment: dict[str, str], sentence: str) -> None:
    done = served.stack("doctor", **environment)
    assert (done.code, done.out) == (64, "")
    assert sentence in done.err


def test_without_the_permission_to_see_the_stack_nothing_is_found(served: Served) -> None:
    done = doctor(served, without="cloudformation:DescribeStacks")
    assert (done.code, done.out) == (64, "")
    assert "do not allow cloudformation:DescribeStacks" in done.err


def test_the_api_key_is_looked_for_and_not_read(served: Served) -> None:
    ssm, name = served.cloud.client("ssm"), served.cloud.output("ApiKeyName")
    ssm.delete_parameter(Name=name)
    try:
        status, found, command = only(served, "api key")
        assert (status, found) == ("fix", "there is no /nightfold/anthropic-api-key")
        assert str(command).endswith(" key --stack nightfold")
        ssm.put_parameter(Name=name, Value="sk-ant-plain", Type="String")
        status, found, command = only(served, "api key")
        assert (status, found) == ("fix", "/nightfold/anthropic-api-key is not encrypted: it is a String")
        assert str(command).startswith("aws ssm delete-parameter --name /nightfold/anthropic-api-key && ")
    finally:
        ssm.delete_parameter(Name=name)
        ssm.put_parameter(Name=name, Value="simulated", Type="SecureString")
    assert only(served, "api key")[0] == "ok"


def test_a_key_is_found_on_a_later_page_too(served: Served) -> None:
    """SSM answers with what it has found so far, perhaps nothing, and the token of the next page."""
    ssm = served.cloud.client("ssm")
    with Stubber(ssm) as pages:
        pages.add_response("describe_parameters", {"Parameters": [], "NextToken": "more"})
        pages.add_response("describe_parameters", {"Parameters": [{"Name": "/key", "Type": "SecureString"}]})
        stack: Any = SimpleNamespace(output=lambda _: "/key", client=lambda _: ssm)
        assert Inspection(stack).key_type() == "SecureString"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (None, "there is no s3://nightfold-bucket-123456789012/config/sites.json"),
        (b"[]", "config/sites.json: the site list must have at least 1 entry"),
        (b'[{"site_id": "Harbour", "domain": "a.example.com"}]', "site 1 (Harbour), site_id: must be lower-case"),
    ],
)
def test_a_site_list_is_there_and_valid(served: Served, document: bytes | None, sentence: str) -> None:
    s3, place = served.cloud.client("s3"), {"Bucket": served.cloud.output("BucketName"), "Key": SITES_KEY}
    before = s3.get_object(**place)["Body"].read()
    s3.delete_object(**place) if document is None else s3.put_object(**place, Body=document)
    try:
        status, found, command = only(served, "sites")
        assert status == "fix"
        assert sentence in found
        assert command is not None
        assert command.endswith(" sites FILE --stack nightfold")
    finally:
        s3.put_object(**place, Body=before)


def test_the_facts_that_the_configured_question_needs_are_in_the_site_list(served: Served) -> None:
    with configuration(served, {"question": "articles_to_refresh"}):
        status, found, _ = only(served, "sites")
    assert status == "fix"
    assert "sites.json: site harbour, facts.articles: is missing; the prompt of question articles_to_refresh" in found


def test_the_configuration_is_valid(served: Served) -> None:
    with configuration(served, {"max_concurrency": 0}):
        status, found, command = only(served, "configuration")
    assert status == "fix"
    assert "max_concurrency" in found
    assert str(command).endswith(" config FIELD=VALUE --stack nightfold")


def test_more_branches_than_lambda_runs_at_once(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(QUOTA, "ConcurrentExecutions", 10)
    monkeypatch.setitem(QUOTA, "UnreservedConcurrentExecutions", 3)
    status, found, command = only(served, "lambda concurrency")
    sentence = "concurrency_limit lets 4 branches run at once; 3 are free in this account, of 10"
    assert (status, found) == ("fix", sentence)
    assert str(command).endswith(" config concurrency_limit=3 --stack nightfold")
    with configuration(served, {"max_concurrency": 4}):
        assert str(only(served, "lambda concurrency")[2]).endswith(" config max_concurrency=3 --stack nightfold")
    with configuration(served, {"max_concurrency": 3}):
        assert only(served, "lambda concurrency")[0] == "ok"


def test_what_is_reserved_for_the_collector_counts(served: Served) -> None:
    with another_stack(served, "reserving", CollectorReservedConcurrency="2"):
        assert only(served, "lambda concurrency", "--stack", "reserving")[1] == (
            "2 branches at once at most; 2 are reserved for the collector"
        )
        with configuration(served, {"max_concurrency": 4}):
            status, found, _ = only(served, "lambda concurrency", "--stack", "reserving")
            assert (status, found) == (
                "fix",
                "max_concurrency lets 4 branches run at once; 2 are reserved for the collector",
            )


def test_an_edited_state_machine(served: Served) -> None:
    states, arn = served.cloud.client("stepfunctions"), served.cloud.machine_arn
    before = states.describe_state_machine(stateMachineArn=arn)["definition"]
    edited = json.loads(before)
    edited["States"]["PlanRun"]["TimeoutSeconds"] += 1
    states.update_state_machine(stateMachineArn=arn, definition=json.dumps(edited))
    try:
        status, found, command = only(served, "workflow")
        sentence = "the state machine differs from infra/statemachine/nightly.asl.json"
        assert (status, found, command) == ("fix", sentence, "make build && sam deploy --stack-name nightfold")
        with another_stack(served, "edited", outputs={"Fingerprint": fingerprint()}):
            status, found, command = only(served, "workflow", "--stack", "edited")
        assert (status, found) == ("fix", f"{sentence}: it was edited by hand, which a deployment does not notice")
        assert str(command).startswith(
            f"aws stepfunctions update-state-machine --state-machine-arn {arn} --definition "
        )
        assert json.loads(last_argument(str(command))) == json.loads(before)
        states.update_state_machine(stateMachineArn=arn, definition=json.dumps(json.loads(before)))
        assert only(served, "workflow")[0] == "ok", "white space is no difference"
    finally:
        states.update_state_machine(stateMachineArn=arn, definition=before)


def last_argument(command: str) -> str:
    """Of a call of `aws`, which is not made."""
    bash = ["bash", "-c", f'aws() {{ printf %s "${{!#}}"; }}; {command}']
    return subprocess.run(bash, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603


def test_a_stack_with_the_other_processor_is_built_for_it(served: Served) -> None:
    with another_stack(served, "intel", outputs={"Fingerprint": "0123456789abcdef"}, Architecture="x86_64"):
        command = only(served, "template", "--stack", "intel")[2]
    assert command == "make build ARCHITECTURE=x86_64 && sam deploy --stack-name intel"


def test_a_stack_that_was_built_from_other_sources(served: Served) -> None:
    with another_stack(served, "built", outputs={"Fingerprint": fingerprint()}):
        assert only(served, "template", "--stack", "built")[0] == "ok"
    with another_stack(served, "built", outputs={"Fingerprint": "0123456789abcdef"}):
        status, _, command = only(served, "template", "--stack", "built")
        assert (status, command) == ("fix", "make build && sam deploy --stack-name built")
    with another_stack(served, "built", drop={"Fingerprint"}):
        assert only(served, "template", "--stack", "built")[:2] == ("fix", "older than this folder")


@pytest.mark.parametrize("which", ["night", "morning"])
def test_a_schedule_that_was_switched_off_by_hand(served: Served, which: str) -> None:
    scheduler, name = served.cloud.client("scheduler"), f"nightfold-{which}"
    before = scheduler.get_schedule(Name=name)
    kept = ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
    scheduler.update_schedule(Name=name, State="DISABLED", **{field: before[field] for field in kept})
    try:
        status, found, command = only(served, which)
        assert (status, found) == ("fix", f"the schedule {name} is switched off")
        words = shlex.split(str(command))
        assert words[:4] == ["aws", "scheduler", "update-schedule", "--cli-input-json"]
    finally:
        scheduler.update_schedule(**json.loads(words[4]))
    after = scheduler.get_schedule(Name=name)
    assert after["State"] == "ENABLED"
    assert {field: after[field] for field in kept} == {field: before[field] for field in kept}


def test_schedules_that_are_off_as_deployed(served: Served) -> None:
    with another_stack(served, "nightfold-dev"):
        status, found, command = only(served, "night", "--stack", "nightfold-dev")
    assert (status, found) == ("note", "off, as the parameter ScheduleState says")
    assert str(command).endswith("sam deploy --stack-name nightfold-dev --parameter-overrides ScheduleState=ENABLED")


def test_a_schedule_that_is_gone(served: Served) -> None:
    with another_stack(served, "bare", ScheduleState="ENABLED"):
        found = findings(doctor(served, "--json", "--stack", "bare"))
    assert found["night"][:2] == ("fix", "there is no schedule bare-night")
    assert found["morning"][:2] == ("fix", "there is no schedule bare-morning")


def test_a_subscription_waits_for_its_confirmation(served: Served) -> None:
    from moto.sns.models import sns_backends

    sns, topic = served.cloud.client("sns"), served.cloud.output("AlarmTopicArn")
    arn = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")["SubscriptionArn"]
    try:
        assert only(served, "alarm mail")[:2] == ("ok", "to ops@example.com")
        sns_backends[ACCOUNT][REGION].subscriptions[arn].arn = "PendingConfirmation"  # as AWS lists it
        status, found, command = only(served, "alarm mail")
        assert (status, found) == ("fix", "ops@example.com has not confirmed the subscription")
        subscribing = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint ops@example.com"
        assert command == subscribing
    finally:
        sns_backends[ACCOUNT][REGION].subscriptions.pop(arn)


def test_an_address_that_sns_has_forgotten(served: Served) -> None:
    with another_stack(served, "nightfold-mail", DigestEmail="me@example.com"):
        status, found, command = only(served, "digest mail", "--stack", "nightfold-mail")
    assert (status, found) == ("fix", "me@example.com is not subscribed")
    assert str(command).startswith("aws sns subscribe --topic-arn ")


def test_misses_are_counted(served: Served) -> None:
    sqs = served.cloud.client("sqs")
    for queue, text in (("MissQueueUrl", "1 miss for the next redrive"), ("ParkedQueueUrl", "1 miss parked")):
        sqs.send_message(QueueUrl=served.cloud.output(queue), MessageBody="a miss")
        status, found, command = only(served, "misses")
        assert status == "note"
        assert text in found
        assert str(command).endswith(" misses --stack nightfold")
    for queue in ("MissQueueUrl", "ParkedQueueUrl"):
        sqs.purge_queue(QueueUrl=served.cloud.output(queue))


@pytest.mark.parametrize(
    ("status", "verdict", "command"),
    [
        ("ROLLBACK_COMPLETE", "fix", "sam delete --stack-name created"),
        ("UPDATE_ROLLBACK_FAILED", "fix", "aws cloudformation continue-update-rollback --stack-name created"),
        ("UPDATE_FAILED", "fix", "make build && sam deploy --stack-name created"),
        ("UPDATE_ROLLBACK_COMPLETE", "note", "make build && sam deploy --stack-name created"),
        ("UPDATE_IN_PROGRESS", "note", None),
    ],
)
def test_the_status_of_the_stack(served: Served, status: str, verdict: str, command: str | None) -> None:
    from moto.cloudformation.models import cloudformation_backends

    with another_stack(served, "created"):
        described = cloudformation_backends[ACCOUNT][REGION].get_stack("created")
        described.status = status
        found = only(served, "stack", "--stack", "created")
    assert (found[0], found[2]) == (verdict, command)
    assert f"created is {status}" in found[1]


def test_a_stack_that_was_never_created_has_nothing_else_to_look_at(served: Served) -> None:
    from moto.cloudformation.models import cloudformation_backends

    with another_stack(served, "created", drop=set(served.cloud._deployment.outputs)):
        cloudformation_backends[ACCOUNT][REGION].get_stack("created").status = "ROLLBACK_COMPLETE"
        done = doctor(served, "--json", "--stack", "created")
    assert (done.code, [each["check"] for each in done.json]) == (1, ["aws credentials", "stack"])


def test_a_command_names_region_and_profile_as_they_were_given(served: Served) -> None:
    found = findings(doctor(served, "--json", "--region", "us-east-1"))
    command = "make build && sam deploy --stack-name nightfold --region us-east-1 --parameter-overrides"
    assert str(found["alarm mail"][2]).startswith(command)


@contextmanager
def configuration(served: Served, fields: dict[str, Any]) -> Iterator[None]:
    ssm, name = served.cloud.client("ssm"), served.cloud.output("ConfigurationName")
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    ssm.put_parameter(Name=name, Value=json.dumps(fields), Overwrite=True)
    try:
        yield
    finally:
        ssm.put_parameter(Name=name, Value=before, Overwrite=True)
