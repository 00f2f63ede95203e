"""The template as `sam deploy` takes it: code and definition by their built folders, one architecture and no other."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.packaging.dependencies import ROOT

FUNCTION, STATE_MACHINE = "AWS::Serverless::Function", "AWS::Serverless::StateMachine"


@dataclass(frozen=True)
class Template:
    """`template.yaml`, read."""

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
        """The same for `sam local invoke`, which passes on such variables only as the template has."""
        document = json.loads(self.built(into, architecture))
        document["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = ""
        return json.dumps(document, indent=2) + "\n"

    def built(self, into: Path, architecture: str) -> str:
        """The template of `into`, where each function's package lies in a folder of its logical id.

        The packages hold machine code, so this template admits no other architecture: CloudFormation refuses a
        parameter that contradicts it, before anything is changed.
        """
        document = json.loads(json.dumps(self.document))
        document.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
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

    return Template(yaml_parse(file.read_text()))
