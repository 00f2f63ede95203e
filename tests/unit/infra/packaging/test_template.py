"""The template for `sam deploy`."""

import json
import os
import subprocess
import sys
from pathlib import Path

from infra.packaging import template
from infra.packaging.dependencies import ARCHITECTURES, ROOT


def test_every_function_of_the_template_has_its_folder() -> None:
    functions = template.read().functions
    assert {"Planner", "Collector", "Aggregator"} <= functions.keys()
    for folder in functions.values():
        assert (ROOT / "functions" / folder / "handler.py").is_file()


def test_the_template_is_read_in_a_locale_without_utf_8() -> None:
    read = "from infra.packaging import template; template.read()"
    without = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", read], env=without, check=True)  # noqa: S603


def test_a_built_template_allows_one_architecture_and_names_the_packages(tmp_path: Path) -> None:
    read = template.read()
    into = tmp_path / "build"
    built = json.loads(read.built(into, "x86_64"))
    assert built["Parameters"]["Architecture"]["AllowedValues"] == ["x86_64"]
    assert built["Parameters"]["Architecture"]["Default"] == "x86_64"
    for logical_id in read.functions:
        assert built["Resources"][logical_id]["Properties"]["CodeUri"] == logical_id
    definition = built["Resources"]["Nightly"]["Properties"]["DefinitionUri"]
    assert (into / definition).resolve() == ROOT / "infra/statemachine/nightly.asl.json"


def test_sam_starts_each_build_in_the_folder_of_its_architecture() -> None:
    document = template.read().document
    assert set(document["Parameters"]["Architecture"]["AllowedValues"]) == set(ARCHITECTURES)
    for logical_id in template.read().functions:
        metadata = document["Resources"][logical_id]["Metadata"]
        assert metadata["BuildMethod"] == "makefile"
        assert metadata["WorkingDirectory"] == {"Fn::Sub": "infra/packaging/${Architecture}"}
    for architecture in ARCHITECTURES:
        assert (ROOT / "infra/packaging" / architecture / "platform").read_text().endswith("-manylinux2014\n")
    assert document["Globals"]["Function"]["CodeUri"] == "functions/"
    assert (ROOT / "functions/Makefile").is_file()
