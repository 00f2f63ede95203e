"""The template for `sam deploy`: code and definition from their built folders, one fixed architecture."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.fingerprint import fingerprint
from infra.packaging.dependencies import ROOT

FUNCTION, STATE_MACHINE = "AWS::Serverless::Function", "AWS::Serverless::StateMachine"


@dataclass(frozen=True)
class Template:
    """The parsed `template.yaml`."""

    document: dict[str, Any]

    @property
    def functions(self) -> dict[str, str]:
        """A function's logical id → its folder under functions/, which its handler's name starts with."""
        return {
            logical_id: str(resource["Properties"]["Handler"]).partition(".")[0]
            for logical_id, resource in self.document["Resources"].items()
            if resource["Type"] == FUNCTION
        }

    @property
    def architecture(self) -> str:
        return str(self.document["Parameters"]["Architecture"]["Default"])

    def local(self, into: Path, architecture: str) -> str:
        """The same for `sam local invoke`, which passes only variables that the template has."""
        document = json.loads(self.built(into, architecture))
        document["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = ""
        return json.dumps(document, indent=2) + "\n"

    def built(self, into: Path, architecture: str) -> str:
        """The template for `into`, where each function's package is in a folder named by its logical id.

        The packages contain machine code, so this template allows only their architecture: CloudFormation rejects
        a contradicting parameter before anything changes.
        """
        document = json.loads(json.dumps(self.document))
        document.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
        document["Outputs"]["Fingerprint"]["Value"] = fingerprint()
        document["Parameters"]["Architecture"] |= {"Default": architecture, "AllowedValues": [architecture]}
        for logical_id, resource in document["Resources"].items():
            if resource["Type"] == FUNCTION:
                resource["Properties"]["CodeUri"] = logical_id
                resource.pop("Metadata", None)
            elif resource["Type"] == STATE_MACHINE:
                definition = ROOT / resource["Properties"]["DefinitionUri"]
                resource["Properties"]["DefinitionUri"] = os.path.relpath(definition, into)
        return json.dumps(document, indent=2) + "\n"


def read(file: Path = ROOT / "template.yaml") -> Template:
    from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

    return Template(yaml_parse(file.read_text(encoding="utf-8")))
