"""The `sam local invoke` commands of infra/docs/packages.md, as far as they work without Docker."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from infra.cloud.embedded import Cloud
from infra.packaging import template

ROOT = Path(__file__).parents[2]
SHOWN = (ROOT / "infra/docs/packages.md").read_text()
ENVIRONMENT = json.loads((ROOT / "events/env.json").read_text())["Parameters"]
CONFIGURATION = tomllib.loads((ROOT / "samconfig.toml").read_text())


def test_every_function_is_shown_with_an_existing_event() -> None:
    shown = dict(re.findall(r"^sam local invoke (\w+) -e (\S+)$", SHOWN, flags=re.MULTILINE))
    assert shown.keys() == template.read().functions.keys()
    for event in shown.values():
        json.loads((ROOT / event).read_text())


def test_sam_gets_a_template_and_an_environment_that_exist(tmp_path: Path) -> None:
    options = CONFIGURATION["default"]["local_invoke"]["parameters"]
    assert (ROOT / options["env_vars"]).is_file()
    assert Path(options["template_file"]).parent == Path(".aws-sam/build")
    local = json.loads(template.read().local(tmp_path, "x86_64"))
    everywhere = local["Globals"]["Function"]["Environment"]["Variables"].keys()
    assert "AWS_ENDPOINT_URL" in everywhere


def test_the_containers_credentials_come_from_the_shell() -> None:
    assert "export AWS_ACCESS_KEY_ID=" in SHOWN.partition("sam local invoke Planner")[0]
    assert not [name for name in ENVIRONMENT if name.startswith("AWS_") and name != "AWS_ENDPOINT_URL"]


def test_every_variable_of_a_function_has_a_value() -> None:
    resources = template.read().document["Resources"]
    for logical_id in template.read().functions:
        variables = resources[logical_id]["Properties"]["Environment"]["Variables"]
        assert variables.keys() <= ENVIRONMENT.keys(), logical_id


def test_the_values_are_the_embedded_clouds(tmp_path: Path) -> None:
    with Cloud(tmp_path / "state") as cloud:
        assert ENVIRONMENT["BUCKET"] == cloud.output("BucketName")
        assert ENVIRONMENT["CONFIGURATION_PARAMETER"] == cloud.output("ConfigurationName")
        assert ENVIRONMENT["ANTHROPIC_API_KEY_PARAMETER"] == cloud.output("ApiKeyName")
        assert ENVIRONMENT["MISS_QUEUE_URL"] == cloud.output("MissQueueUrl")
        assert ENVIRONMENT["PARKED_QUEUE_URL"] == cloud.output("ParkedQueueUrl")
        assert ENVIRONMENT["DIGEST_TOPIC_ARN"] == cloud.physical("DigestTopic")


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_stage_overrides_parameters_that_the_template_has(stage: str) -> None:
    parameters = template.read().document["Parameters"]
    overrides = CONFIGURATION[stage]["deploy"]["parameters"]["parameter_overrides"]
    assert overrides
    for override in overrides:
        name, _, value = override.partition("=")
        assert value in map(str, parameters[name]["AllowedValues"])


def test_a_deployment_without_the_stages_name_changes_no_tags() -> None:
    """CloudFormation passes new tags on to the stack's resources; the configuration then gets the template's value."""
    for stage in ("default", "dev", "prod"):
        assert CONFIGURATION[stage]["deploy"]["parameters"]["tags"] == ["application=nightfold"]
