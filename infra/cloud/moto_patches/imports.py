"""Imports moto without the services that the template cannot use.

CloudFormation imports the models of 25 services for their resource types, and the interpreter imports AWS Batch, which
imports EC2 with its instance catalogue: 1.7 of 3.4 seconds of start-up (measured). During the import
they are replaced by modules whose every attribute is an empty class.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from infra.cloud.services import SERVICES

ABSENT = frozenset(
    (
        *("apigateway", "autoscaling", "batch", "cloudwatch", "datapipeline", "dynamodb", "dynamodbstreams", "ec2"),
        *("ecr", "ecs", "efs", "elb", "elbv2", "emr", "glue", "iot", "kinesis", "rds", "redshift", "route53"),
        "sagemaker",
    )
)


class _AnyName(type):
    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class _Absent(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _AnyName(name, (), {})


class _AbsentServices:
    """An import finder and loader."""

    def find_spec(self, name: str, *_args: object) -> ModuleSpec | None:
        package, _, rest = name.partition(".")
        if package == "moto" and rest.partition(".")[0] in ABSENT:
            return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None: ...


def load() -> None:
    """Import what the other modules of this package use. Cheap after the first time."""
    if "moto.stepfunctions.parser.models" in sys.modules and "moto.cloudformation.models" in sys.modules:
        return
    finder = _AbsentServices()
    sys.meta_path.insert(0, finder)
    try:
        import moto.cloudformation.models
        import moto.iam.models
        import moto.stepfunctions.parser.models  # noqa: F401

        for service in SERVICES:
            if service.moto:
                import_module(f"moto.{service.moto}.urls")
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name, module in sys.modules.items() if isinstance(module, _Absent)]:
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            if parent in sys.modules and hasattr(sys.modules[parent], child):
                delattr(sys.modules[parent], child)
