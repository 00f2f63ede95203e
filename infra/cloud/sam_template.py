"""`template.yaml` as plain CloudFormation, with only what the embedded cloud can create.

The expanded template is cached next to this module's bytecode: importing the SAM translator takes half a second.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from infra.cloud import services
from infra.cloud.services import RESOURCES, STACK

MACHINE_NAME, MACHINE_ROLE, SUBSTITUTION = "LocalStateMachineName", "LocalStateMachineRole", "LocalSubstitution"
KEPT = 8  # expanded templates, of this and of earlier versions
MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:"

# The state machine itself is created separately. All other resource types that services.py does not list (alarms,
# schedules, policies of queues and buckets, dashboards) are left out.
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Expanded:
    """Plain CloudFormation, and what that lacks: where code and definition are on this machine."""

    cloudformation: dict[str, Any]  # its outputs include the state machine's name, role and substitutions
    code: dict[str, str]  # a function's logical id → its CodeUri
    machine: str  # the state machine's logical id
    definition: str  # its DefinitionUri

    def filled_definition(self, root: Path, outputs: Mapping[str, str]) -> str:
        """The text of the definition with its substitutions filled in, as CloudFormation does."""
        text = (root / self.definition).read_text("utf-8")
        for output, value in outputs.items():
            if output.startswith(SUBSTITUTION):
                text = text.replace("${" + output.removeprefix(SUBSTITUTION) + "}", value)
        return text


def expand(path: Path, parameters: Mapping[str, str]) -> Expanded:
    """Raises the SAM translator's own exception, which names the resource and the property."""
    text = path.read_bytes().decode()
    # The cached template fits all values of the parameters: the simulated API has another port each time.
    code = [Path(each).read_text("utf-8") for each in (__file__, services.__file__)]
    fingerprint = json.dumps([text, sorted(parameters), version("aws-sam-translator"), code])
    folder = Path(__file__).parent / "__pycache__"
    cached = folder / f"template-{hashlib.sha256(fingerprint.encode()).hexdigest()[:32]}.json"
    try:
        expanded = cached.read_text("utf-8")
        return _filled(expanded, parameters)
    except (OSError, ValueError, TypeError):
        placeholders = {name: _placeholder(name) for name in parameters}
        expanded = json.dumps(vars(_for_this_machine(*_translate(text, placeholders))))
    try:
        folder.mkdir(exist_ok=True)
        for outdated in sorted(folder.glob("template-*.json"), key=os.path.getmtime)[:-KEPT]:
            outdated.unlink(missing_ok=True)
        temporary = cached.with_suffix(f".{os.getpid()}")
        temporary.write_text(expanded, "utf-8")
        temporary.replace(cached)
    except OSError as error:  # a read-only checkout
        logger.debug("The expanded template is not cached: %s", error)
    return _filled(expanded, parameters)


def _placeholder(parameter: str) -> str:
    return f"<<{parameter}>>"


def _filled(expanded: str, parameters: Mapping[str, str]) -> Expanded:
    for name, value in parameters.items():
        expanded = expanded.replace(_placeholder(name), json.dumps(value)[1:-1])
    return Expanded(**json.loads(expanded))


def _translate(text: str, parameters: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str], str, str]:
    from samtranslator.translator.transform import transform  # type: ignore[import-untyped]
    from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns about its own metrics when the process ends
    template = yaml_parse(text)
    default = template.get("Globals", {}).get("Function", {}).get("CodeUri")
    code, machines = {}, {}
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            code[logical_id] = str(properties.pop("CodeUri", default))
            properties["InlineCode"] = "# the handlers run from the source tree"
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            machines[logical_id] = str(properties.get("DefinitionUri"))
            properties["DefinitionUri"] = {"Bucket": "local", "Key": "local"}
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    ((machine, definition),) = machines.items()
    return transform(template, dict(parameters), _NoManagedPolicies()), code, machine, definition


class _NoManagedPolicies:
    """The translator would otherwise query IAM for the names of AWS's managed policies."""

    def load(self) -> dict[str, str]:
        return {}


def _for_this_machine(template: dict[str, Any], code: dict[str, str], machine: str, definition: str) -> Expanded:
    resources = template["Resources"]
    properties = resources[machine]["Properties"]
    name = properties.get("StateMachineName", f"{STACK}-{machine}")
    skipped = {logical_id for logical_id, resource in resources.items() if resource["Type"] not in RESOURCES}
    for logical_id in skipped:
        logger.debug("Left out of the local deployment: %s (%s)", logical_id, resources[logical_id]["Type"])
    kept = {logical_id: resource for logical_id, resource in resources.items() if logical_id not in skipped}
    for logical_id, resource in kept.items():
        resource.pop("DependsOn", None)
        _name(logical_id, resource)
    outputs = {
        **template.get("Outputs", {}),
        MACHINE_NAME: {"Value": name},
        MACHINE_ROLE: {"Value": properties["RoleArn"]},
        **{
            SUBSTITUTION + each: {"Value": value}
            for each, value in properties.get("DefinitionSubstitutions", {}).items()
        },
    }
    template["Resources"] = kept
    template["Outputs"] = {key: output for key, output in outputs.items() if not _mentions(output, skipped - {machine})}
    text, arn = json.dumps(template), json.dumps({"Fn::Join": ["", [MACHINE_ARN, name]]})
    for reference in ({"Ref": machine}, {"Fn::GetAtt": [machine, "Arn"]}):
        text = text.replace(json.dumps(reference), arn)
    return Expanded(json.loads(text), code, machine, definition)


def _name(logical_id: str, resource: dict[str, Any]) -> None:
    if (named := RESOURCES[resource["Type"]].named) is not None:
        field, pattern = named
        names = {"stack": STACK, "id": logical_id, "lower": logical_id.lower()}
        resource.setdefault("Properties", {}).setdefault(field, pattern.format(**names))
    if resource["Type"] == "AWS::IAM::Role":
        # AWS's managed policies, which moto does not have; writing logs takes no AWS call here.
        resource["Properties"].pop("ManagedPolicyArns", None)


def _mentions(output: Any, logical_ids: set[str]) -> bool:
    return not logical_ids.isdisjoint(re.findall(r'{"(?:Ref": |Fn::GetAtt": \[)"(\w+)"', json.dumps(output)))
