"""`template.yaml` as the plain CloudFormation that SAM generates, for linters that read only that.

    python -m infra.packaging.expanded OUT.json

Code and definition are S3 locations in it, as after `sam package`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _NoManagedPolicies:
    """The translator would otherwise query IAM for AWS's managed policies; the template uses none by name."""

    def load(self) -> dict[str, str]:
        return {}


def expand(template: str) -> dict[str, Any]:
    """Plain CloudFormation. Raises the translator's own exception, which names the resource and the property."""
    document: dict[str, Any] = yaml_parse(template)
    packaged = {"Bucket": "packaged", "Key": "packaged"}
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = packaged
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = packaged
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the translator needs some region
    document.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    expanded: dict[str, Any] = transform(document, {}, _NoManagedPolicies())
    return expanded


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(expand(TEMPLATE.read_text(encoding="utf-8")), indent=2))
