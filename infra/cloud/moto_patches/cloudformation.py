"""CloudFormation in moto: creates the template's resources and describes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from infra.cloud.lambdas.python_runtime import Function
from infra.cloud.services import ACCOUNT, REGION, STACK


@dataclass(frozen=True)
class Deployment:
    """What CloudFormation created from the template."""

    outputs: dict[str, str]
    physical: dict[str, str]  # logical id → physical id
    kinds: dict[str, str]  # logical id → resource type
    functions: list[Function]
    policies: dict[str, list[dict[str, Any]]]  # role ARN → policy documents


def deploy(template: Mapping[str, Any], parameters: Mapping[str, str], code: Mapping[str, Path]) -> Deployment:
    """Create the stack. `template` is plain CloudFormation with only resource types that moto can create; `code` has
    each function's import root, by its logical id."""
    from moto.cloudformation.models import cloudformation_backends
    from moto.logs.models import LogGroup

    backend = cloudformation_backends[ACCOUNT][REGION]
    # In CloudFormation a log group's Arn ends in `:*`, which a policy that names its streams relies on.
    with mock.patch.object(LogGroup, "get_cfn_attribute", lambda group, _: f"{group.arn}:*"):
        stack = backend.create_stack(STACK, json.dumps(template), parameters=dict(parameters))
    resources: dict[str, Any] = {
        logical_id: stack.resource_map[logical_id]
        for logical_id in template["Resources"]
        if stack.resource_map[logical_id] is not None  # a condition was false
    }
    return Deployment(
        outputs={output.key: output.value for output in stack.output_map.values() if output is not None},
        physical={logical_id: str(resource.physical_resource_id) for logical_id, resource in resources.items()},
        kinds={logical_id: template["Resources"][logical_id]["Type"] for logical_id in resources},
        functions=[
            _function(logical_id, resource, code[logical_id])
            for logical_id, resource in resources.items()
            if template["Resources"][logical_id]["Type"] == "AWS::Lambda::Function"
        ],
        policies=_policies(),
    )


def create_state_machine(name: str, definition: str, role_arn: str) -> str:
    """The interpreter has its own registry, which moto's CloudFormation does not use. Returns the ARN."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    machine = stepfunctions_parser_backends[ACCOUNT][REGION].create_state_machine(
        name=name, definition=definition, roleArn=role_arn, sm_type="STANDARD"
    )
    return str(machine.arn)


def _function(logical_id: str, function: Any, code: Path) -> Function:
    return Function(
        logical_id=logical_id,
        name=function.function_name,
        arn=function.function_arn,
        handler=function.handler,
        code=code,
        timeout_s=int(function.timeout),
        memory_mb=int(function.memory_size),
        environment={name: str(value) for name, value in function.environment_vars.items()},
        role_arn=function.role,
    )


def _policies() -> dict[str, list[dict[str, Any]]]:
    """Inline and attached policies of each role, as documents."""
    from moto.iam.models import iam_backends

    backend = iam_backends[ACCOUNT]["aws"]
    return {
        role.arn: [
            *(_document(document) for document in role.policies.values()),
            *(_document(_default(policy)) for policy in role.managed_policies.values()),
        ]
        for role in backend.get_roles()
    }


def _default(policy: Any) -> Any:
    return next(version.document for version in policy.versions if version.is_default)


def _document(document: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
    return parsed
