"""template.yaml: what the functions expect of it, both ways, and what linters do not check."""

import importlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from infra.packaging.expanded import expand
from nightfold.settings import FunctionSettings, RunConfiguration

ROOT = Path(os.environ.get("NIGHTFOLD_DESCRIBED_IN") or Path(__file__).parents[3])
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}
STATEFUL = {"AWS::S3::Bucket", "AWS::DynamoDB::Table"}


def statements(name: str) -> list[dict[str, Any]]:
    """What the function's role allows."""
    assert FUNCTIONS[name]["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    policies = RESOURCES[f"{name}Role"]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def actions(name: str) -> set[str]:
    found: set[str] = set()
    for statement in statements(name):
        found |= {statement["Action"]} if isinstance(statement["Action"], str) else {*statement["Action"]}
    return found


def test_the_scans_below_see_something() -> None:
    assert FUNCTIONS.keys() >= {"Planner", "Collector", "Aggregator"}
    assert all(statements(name) for name in FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_settings_and_environment_are_the_same_both_ways(name: str) -> None:
    model: type[FunctionSettings] = importlib.import_module(f"{name.lower()}.settings").Settings
    given = FUNCTIONS[name]["Environment"]["Variables"]
    assert {variable.lower() for variable in given} == model.model_fields.keys()
    assert all(variable == variable.upper() for variable in given)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_named_after_its_folder_and_its_handler_exists(name: str) -> None:
    assert FUNCTIONS[name]["Handler"] == f"{name.lower()}.handler.handler"
    assert callable(importlib.import_module(f"{name.lower()}.handler").handler)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_followed_by_its_role_and_its_log_group(name: str) -> None:
    names = list(RESOURCES)
    assert names[names.index(name) :][1:3] == [f"{name}Role", f"{name}Logs"]
    group = RESOURCES[f"{name}Logs"]["Properties"]
    assert group["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/${{AWS::StackName}}-{name.lower()}"}
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert FUNCTIONS[name]["LoggingConfig"] == {"LogGroup": {"Ref": f"{name}Logs"}}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_writes_only_its_own_log_group(name: str) -> None:
    logging = [statement for statement in statements(name) if "logs:" in json.dumps(statement["Action"])]
    assert [statement["Resource"] for statement in logging] == [{"Fn::GetAtt": [f"{name}Logs", "Arn"]}]
    assert logging[0]["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    managed = json.dumps(RESOURCES[f"{name}Role"]["Properties"]["ManagedPolicyArns"])
    assert "LambdaBasicExecution" not in managed


@pytest.mark.parametrize(
    ("role", "service"), [("NightlyRole", "states.amazonaws.com"), ("ScheduleRole", "scheduler.amazonaws.com")]
)
def test_a_role_that_a_service_assumes_is_not_for_other_accounts(role: str, service: str) -> None:
    (statement,) = RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": service}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_no_role_is_left_to_sam() -> None:
    expanded = expand((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]
    roles = {name for name, resource in expanded.items() if resource["Type"] == "AWS::IAM::Role"}
    assert roles == {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::Role"}
    assert len(roles) >= 6


def test_the_globals_log_json_on_python_3_13() -> None:
    shared = TEMPLATE["Globals"]["Function"]
    assert shared["Runtime"] == "python3.13"
    assert shared["LoggingConfig"]["LogFormat"] == "JSON"
    assert shared["Environment"]["Variables"].keys() == {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}


def test_resources_with_data_survive_the_stack() -> None:
    stateful = [name for name, resource in RESOURCES.items() if resource["Type"] in STATEFUL] + [
        "MissQueue",
        "ParkedQueue",
    ]
    assert len(stateful) >= 3
    for name in stateful:
        assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain", name


def test_the_configuration_parameter_has_the_codes_defaults() -> None:
    document = RESOURCES["Configuration"]["Properties"]["Value"]
    assert RunConfiguration.model_validate_json(document) == RunConfiguration()
    assert json.loads(document).keys() == RunConfiguration.model_fields.keys()


def test_the_collector_touches_nothing_but_its_key() -> None:
    assert actions("Collector") == {"ssm:GetParameter", "logs:CreateLogStream", "logs:PutLogEvents"}
    (statement,) = [s for s in statements("Collector") if s["Sid"] != "WriteOwnLogs"]
    assert statement["Resource"]["Fn::Sub"].endswith("parameter/${AWS::StackName}/anthropic-api-key")


def test_no_role_deletes_an_object_or_has_full_access() -> None:
    for name in FUNCTIONS:
        assert not {action for action in actions(name) if "*" in action or action.startswith("s3:Delete")}, name
        for statement in statements(name):
            assert statement["Resource"] != "*", f"{name}: {statement['Sid']}"
            assert statement["Sid"]


def test_every_statement_of_the_machine_names_what_it_may_touch() -> None:
    assert RESOURCES["Nightly"]["Properties"]["Role"] == {"Fn::GetAtt": ["NightlyRole", "Arn"]}
    (policy,) = [each["PolicyDocument"] for each in RESOURCES["NightlyRole"]["Properties"]["Policies"]]
    invoked = next(s for s in policy["Statement"] if s["Action"] == "lambda:InvokeFunction")["Resource"]
    assert {target["Fn::GetAtt"][0] for target in invoked} == FUNCTIONS.keys()
    for statement in policy["Statement"]:
        everything = statement["Resource"] == "*"
        assert not everything or statement["Sid"] == "DeliverLogs"


def test_every_parameter_is_described_and_used() -> None:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert TEMPLATE["Parameters"]
    for name, parameter in TEMPLATE["Parameters"].items():
        assert len(parameter["Description"].split()) >= 4, name
        assert re.search(rf"!Ref {name}\b|\$\{{{name}\}}", text), name
