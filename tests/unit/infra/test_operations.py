"""What linters do not check in template.yaml: encryption, schedules, alarms, retention, secrets."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from infra.cli.main import nightfold
from infra.stack.unparked import NOTES
from tests.support.stack_commands import AT_TIMES, NEEDED, NOT_ASKED_FOR

# tests/e2e/test_planted_mistakes.py has a separate folder for each mistake.
FOLDER = Path(os.environ.get("NIGHTFOLD_DESCRIBED_IN") or Path(__file__).parents[3])
TEXT = (FOLDER / "template.yaml").read_text(encoding="utf-8")
RESOURCES: dict[str, Any] = yaml_parse(TEXT)["Resources"]
PARAMETERS: dict[str, Any] = yaml_parse(TEXT)["Parameters"]
RUNBOOK = (Path(__file__).parents[3] / "infra/docs/runbook.md").read_text(encoding="utf-8")


def of_type(kind: str) -> dict[str, Any]:
    found = {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == kind}
    assert found, f"no {kind} to look at"
    return found


@pytest.mark.parametrize("name", of_type("AWS::SQS::Queue"))
def test_a_queue_is_encrypted_keeps_its_messages_and_requires_tls(name: str) -> None:
    queue = RESOURCES[name]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 86_400
    (policy,) = of_type("AWS::SQS::QueuePolicy").values()
    assert {"Ref": name} in policy["Queues"]


@pytest.mark.parametrize("kind", ["AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"])
def test_a_policy_denies_everything_without_tls(kind: str) -> None:
    for policy in of_type(kind).values():
        statements = policy["PolicyDocument"]["Statement"]
        denied = [each for each in statements if each["Effect"] == "Deny" and each["Principal"] == "*"]
        assert [each["Condition"] for each in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_the_bucket_is_encrypted_and_closed_to_the_public() -> None:
    for bucket in of_type("AWS::S3::Bucket").values():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


def test_no_topic_uses_the_key_that_cloudwatch_may_not_use() -> None:
    assert of_type("AWS::SNS::Topic")
    assert not [topic for topic in of_type("AWS::SNS::Topic").values() if "alias/aws/sns" in json.dumps(topic)]


def test_the_budget_is_made_after_the_policy_that_lets_it_publish() -> None:
    policies = {
        name
        for name, policy in of_type("AWS::SNS::TopicPolicy").items()
        if "budgets.amazonaws.com" in json.dumps(policy["PolicyDocument"])
    }
    assert {RESOURCES["Budget"]["DependsOn"]} == policies


def schedules() -> dict[str, Any]:
    (machine,) = of_type("AWS::Serverless::StateMachine").values()
    return {name: event["Properties"] for name, event in machine["Events"].items()}


@pytest.mark.parametrize("name", schedules())
def test_a_schedule_is_of_its_stack_gives_up_after_an_hour_and_says_so(name: str) -> None:
    schedule = schedules()[name]
    assert "${AWS::StackName}" in schedule["Name"]["Fn::Sub"]
    assert schedule["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3_600
    queue, attribute = schedule["DeadLetterConfig"]["Arn"]["Fn::GetAtt"]
    assert (RESOURCES[queue]["Type"], attribute) == ("AWS::SQS::Queue", "Arn")
    assert schedule["State"] == {"Ref": "ScheduleState"}
    assert schedule["ScheduleExpressionTimezone"] == {"Ref": "TimeZone"}


def test_each_schedule_has_a_queue_of_its_own_and_an_input_that_the_planner_reads() -> None:
    from planner.inputs import read_input

    queues = [schedule["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] for schedule in schedules().values()]
    assert len(set(queues)) == len(queues) == 2
    modes = []
    for schedule in schedules().values():
        text = schedule["Input"]["Fn::Sub"].replace("<aws.scheduler.scheduled-time>", "2026-11-23T03:15:00Z")
        modes.append(read_input(json.loads(text.replace("${TimeZone}", "Europe/Berlin"))).mode)
    assert sorted(modes) == ["collect", "redrive"]


ALARMS = of_type("AWS::CloudWatch::Alarm")


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_notifies_the_operator_and_is_in_the_runbook(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert alarm["AlarmDescription"].endswith(f"Runbook, {name}.")
    assert re.search(rf"`{name}`", RUNBOOK)
    may_end_too_soon = name == "MissesWait"  # a message that was received three times no longer counts
    assert ("OKActions" in alarm) != may_end_too_soon


def test_silence_is_counted_over_exactly_26_hours_and_only_where_nights_are_scheduled() -> None:
    assert RESOURCES["NoNight"]["Condition"] == "IsScheduled"
    alarm = ALARMS["NoNight"]
    metric, filled = alarm["Metrics"]
    assert filled["Expression"] == f"FILL({metric['Id']}, 0)"
    assert alarm["EvaluationPeriods"] * metric["MetricStat"]["Period"] == 26 * 3_600
    assert alarm["TreatMissingData"] == "breaching"  # before the first night there is nothing to fill


def test_a_sum_is_not_filled() -> None:
    sums = [m["Expression"] for alarm in ALARMS.values() for m in alarm.get("Metrics", []) if " + " in str(m)]
    assert len(sums) >= 3
    assert not [each for each in sums if "FILL" in each], "a filled point can hide a late one"


def test_a_day_is_a_calendar_day_in_the_stacks_time_zone() -> None:
    daily = {name for name, alarm in ALARMS.items() if "86400" in re.findall(r"'Period': (\d+)", str(alarm))}
    at_once = {"RunSetAside"}  # one is too many at any time: a sliding window raises the alarm sooner
    assert daily - at_once == {"AcceptedShareLow", "CostHigh"}
    for name in daily - at_once:
        assert ALARMS[name]["EvaluationWindow"] == {"WallClockWindow": {"Timezone": {"Ref": "TimeZone"}}}


@pytest.mark.parametrize("name", ["NightlySchedule", "MorningSchedule"])
def test_a_schedule_of_several_runs_a_day_is_refused(name: str) -> None:
    pattern = PARAMETERS[name]["AllowedPattern"]
    once = ("cron(15 3 * * ? *)", "cron(0 23 ? * MON-FRI *)", "cron(5 07 1,15 * ? *)", "cron(30 6 ? * 2#1 2027)")
    often = (
        "cron(15 3,15 * * ? *)",
        "cron(0 * * * ? *)",
        "cron(0/30 3 * * ? *)",
        "cron(0 3-5 * * ? *)",
        "cron(* 3 * * ? *)",
    )
    wrong = (
        "rate(1 hour)",
        "rate(1 day)",
        "cron(15 24 * * ? *)",
        "cron(60 3 * * ? *)",
        "cron(15 3 * *)",
        "at(2026-11-23T03:15)",
    )
    assert all(re.fullmatch(pattern, each) for each in once)
    assert not [each for each in (*often, *wrong) if re.fullmatch(pattern, each)]


def test_the_files_of_runs_expire_only_on_request_and_never_before_their_misses() -> None:
    _, notes, expiry = RESOURCES["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    condition, rule, nothing = expiry["Fn::If"]
    assert (condition, nothing) == ("ExpiresRuns", {"Ref": "AWS::NoValue"})
    assert (rule["Prefix"], rule["ExpirationInDays"]) == ("runs/", {"Ref": "RunRetentionDays"})
    allowed = PARAMETERS["RunRetentionDays"]["AllowedValues"]
    assert (PARAMETERS["RunRetentionDays"]["Default"], allowed[0]) == (0, 0)
    queued = RESOURCES["MissQueue"]["Properties"]["MessageRetentionPeriod"]
    parked = RESOURCES["ParkedQueue"]["Properties"]["MessageRetentionPeriod"]
    assert allowed[1] * 86_400 > queued + parked
    assert (notes["Prefix"], notes["ExpirationInDays"] * 86_400 > queued) == (NOTES, True)


def test_the_outputs_name_what_an_operator_types() -> None:
    outputs = {json.dumps(output["Value"]) for output in yaml_parse(TEXT)["Outputs"].values()}
    functions = set(of_type("AWS::Serverless::Function"))
    assert {
        json.dumps({"Ref": name}) for name in functions | {"DigestTopic", "AlarmTopic", "OperatorPolicy"}
    } <= outputs
    urls = " ".join(outputs)
    assert '{"Ref": "Dashboard"}' in urls
    assert "#/statemachines/view/" in urls


def test_the_runbook_says_how_to_find_a_queue_that_is_not_an_output() -> None:
    outputs = json.dumps(yaml_parse(TEXT)["Outputs"])
    hidden = {name for name in of_type("AWS::SQS::Queue") if json.dumps({"Ref": name}) not in outputs}
    assert hidden
    (row,) = re.findall(r"(?m)^\| after `StartUndelivered` .*$", RUNBOOK)
    assert not [name for name in hidden if f"`{name}`" not in row and f"--logical-resource-id {name} " not in row]


def operator_statements() -> list[dict[str, Any]]:
    (policy,) = of_type("AWS::IAM::ManagedPolicy").values()
    statements: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return statements


def operator_may() -> set[str]:
    statements = operator_statements()
    return {
        action
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }


# The command line's name → IAM's name, where that is not the same in CamelCase.
IAM_NAMES = {
    "stepfunctions": "states",
    "s3:Cp": "s3:GetObject",
    "s3:Ls": "s3:ListBucket",
    "s3:Rm": "s3:DeleteObject",
    "lambda:Invoke": "lambda:InvokeFunction",
    "logs:Tail": "logs:FilterLogEvents",
}


def test_the_operators_policy_covers_every_command_of_the_runbook() -> None:
    commands = set(re.findall(r"\baws ([a-z0-9]+) ([a-z-]+)", RUNBOOK))
    assert len(commands) >= 6
    needed = set()
    for service, command in commands:
        action = "".join(part.title() for part in command.split("-"))
        needed.add(IAM_NAMES.get(f"{service}:{action}") or f"{IAM_NAMES.get(service, service)}:{action}")
    assert needed <= operator_may()
    # and what the console does for the words "Start DLQ redrive"
    assert operator_may() >= {"sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SendMessage"}


def test_the_operators_policy_covers_every_command_for_a_stack() -> None:
    commands = {name for name, each in nightfold.commands.items() if "--stack" in str([p.opts for p in each.params])}
    assert commands == {command.split()[0] for command in NEEDED} != set()
    at_times = {action for rows in (*AT_TIMES.values(), *NOT_ASKED_FOR.values()) for action in rows}
    assert operator_may() >= at_times.union(*NEEDED.values())


def test_the_operators_policy_is_short_enough_for_a_long_stack_name_in_a_region_with_a_long_name() -> None:
    stack, region = "s" * 40, "ap-southeast-1"

    def physical(logical_id: str) -> str:
        """The longest ARN that AWS may make of it: a log group's, or with a random suffix."""
        resource = RESOURCES[logical_id]
        if resource["Type"] == "AWS::Logs::LogGroup":
            return f"arn:aws:logs:{region}:{'0' * 12}:log-group:{resource['Properties']['LogGroupName']['Fn::Sub']}:*"
        service = resource["Type"].split("::")[1].lower()
        place = "::" if service == "s3" else f":{region}:{'0' * 12}:"
        return f"arn:aws:{service}{place}{stack}-{logical_id}-{'x' * 13}"

    text = json.dumps(RESOURCES["OperatorPolicy"]["Properties"]["PolicyDocument"], separators=(",", ":"))
    text = re.sub(
        r'\{"Fn::GetAtt":\["(\w+)","Arn"\]\}|\{"Ref":"(\w+)"\}', lambda m: f'"{physical(m[1] or m[2])}"', text
    )
    text = re.sub(r'\{"Fn::Sub":("[^"]+")\}', r"\1", text)
    text = re.sub(r"\$\{(\w+)\.Arn\}", lambda m: physical(m[1]), text)
    for name, value in {"StackName": stack, "Region": region, "AccountId": "0" * 12, "Partition": "aws"}.items():
        text = text.replace(f"${{AWS::{name}}}", value)
    assert "Fn::" not in text
    assert "${" not in text
    assert len(text) <= 6_144, "IAM's limit for a managed policy"
    assert "at most 40 characters" in (Path(__file__).parents[3] / "infra/docs/deploy.md").read_text(encoding="utf-8")


def test_an_operator_may_change_neither_the_stack_nor_what_was_collected() -> None:
    may = operator_may()
    assert not [
        action
        for action in may
        if "*" in action
        or re.search(r":(Create|Update(?!MapRun)|Delete(?!Message|Object)|Put(?!Object|Parameter))", action)
    ]
    deletes = [each["Resource"] for each in operator_statements() if each["Action"] == "s3:DeleteObject"]
    assert deletes == [{"Fn::Sub": "${Bucket.Arn}/runs/*/unclosable.json"}]
    assert "states:RedriveExecution" not in may  # a closed run would be paid for again


def test_every_metric_that_is_used_is_written() -> None:
    functions = Path(__file__).parents[3] / "functions"
    code = "".join(path.read_text(encoding="utf-8") for path in functions.rglob("*.py"))
    looked_at = set(re.findall(r"Namespace: Nightfold, MetricName: (\w+)", TEXT))
    looked_at |= set(re.findall(r"Namespace: Nightfold\n +MetricName: (\w+)", TEXT))
    looked_at |= set(re.findall(r'\["Nightfold", "(\w+)"', TEXT))
    assert len(looked_at) >= 9
    assert not [metric for metric in looked_at if not re.search(rf'\b{metric}=|"{metric}"', code)]


def test_the_dashboard_is_json() -> None:
    for dashboard in of_type("AWS::CloudWatch::Dashboard").values():
        widgets = json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]
        assert len(widgets) >= 8


def test_no_secret_is_in_the_environment() -> None:
    looked_at = 0
    for function in of_type("AWS::Serverless::Function").values():
        for variable, value in function["Environment"]["Variables"].items():
            looked_at += 1
            secret = re.search(r"KEY|SECRET|TOKEN|PASSWORD", variable) and not variable.endswith("_PARAMETER")
            assert not secret, variable
            assert "resolve:ssm-secure" not in json.dumps(value)
    assert looked_at >= 8
    assert not re.search(r"sk-ant-[A-Za-z0-9]{8}", TEXT)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_has_a_default_and_bounds(name: str) -> None:
    parameter = PARAMETERS[name]
    assert "Default" in parameter
    assert parameter.keys() & {"AllowedValues", "AllowedPattern", "MinValue"}
    if parameter["Type"] == "Number" and "AllowedValues" not in parameter:
        assert parameter["MinValue"] <= parameter["Default"] <= parameter["MaxValue"]
    if "AllowedPattern" in parameter:
        assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"])
