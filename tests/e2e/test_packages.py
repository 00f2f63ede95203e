"""The packages contain what they need and nothing else, and are reproducible."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.packaging import packages, template
from infra.packaging.archive import pack
from infra.packaging.dependencies import ROOT
from infra.packaging.package import UNUSED, assemble
from tests.support.runtime_emulator import available, installed, python

FUNCTIONS = template.read().functions
ELF_MACHINE = {"arm64": 183, "x86_64": 62}


@pytest.fixture(scope="module")
def built() -> Path:
    return packages.for_this_machine()


def alone(folder: Path, code: str, *arguments: str) -> Any:
    """What `code` prints in a process whose path has only the package and the stand-in for /var/runtime."""
    done = subprocess.run(  # noqa: S603
        [python(), "-S", "-s", "-c", code, *arguments],
        env={"PYTHONPATH": f"{folder}:{installed('runtime.txt')}", "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_handler_imports_from_a_folder_that_has_nothing_else(built: Path, logical_id: str) -> None:
    code = (
        "import importlib, json, sys; importlib.import_module(sys.argv[1]);"
        "print(json.dumps([m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)]))"
    )
    files = alone(built / logical_id, code, f"{FUNCTIONS[logical_id]}.handler")
    allowed = (str(built / logical_id), str(installed("runtime.txt")), str(Path(os.__file__).parent))
    assert str(built / logical_id / FUNCTIONS[logical_id] / "handler.py") in files
    assert [file for file in files if not file.startswith(allowed)] == []
    assert len(files) < (3_600 if logical_id == "Collector" else 520)


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_package_contains_its_function_and_no_other(built: Path, logical_id: str) -> None:
    archive = next(built.glob(f"{logical_id}-*.zip"))
    assert archive.stat().st_size <= packages.LARGEST.get(FUNCTIONS[logical_id], packages.LARGEST_OTHER)
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
    folders = {name.partition("/")[0] for name in names}
    assert {FUNCTIONS[logical_id], "nightfold"} <= folders
    assert folders & (set(FUNCTIONS.values()) - {FUNCTIONS[logical_id]}) == set()
    assert folders & {"boto3", "botocore", "urllib3", "infra", "tests", "bin"} == set()
    assert ("anthropic" in folders) == (logical_id == "Collector")
    assert [name for name in names if name.endswith((".pyi", "Makefile", ".lock"))] == []
    assert [name for name in names if name.startswith(UNUSED)] == []
    sources = [Path(name) for name in names if name.endswith(".py")]
    assert len(sources) > 200
    compiled = {source: str(source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc") for source in sources}
    assert [source for source, bytecode in compiled.items() if bytecode not in names] == []
    assert any(name.startswith("pydantic-") and "/licenses/" in name for name in names)


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_package_that_was_built_elsewhere_is_byte_for_byte_the_same(
    built: Path, logical_id: str, tmp_path: Path
) -> None:
    if logical_id == "Collector" and not os.environ.get("CI"):
        pytest.skip("the largest one is compared in CI")
    architecture = next(built.glob(f"{logical_id}-*.zip")).stem.partition("-")[2]
    again = tmp_path / "another" / "folder"
    assemble(FUNCTIONS[logical_id], architecture, again)
    pack(again, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == next(built.glob(f"{logical_id}-*.zip")).read_bytes()


@pytest.mark.parametrize("architecture", ELF_MACHINE)
def test_machine_code_is_for_the_requested_processor(architecture: str, tmp_path: Path) -> None:
    assemble("planner", architecture, tmp_path / "planner")
    libraries = list((tmp_path / "planner").rglob("*.so"))
    assert libraries
    for library in libraries:
        assert int.from_bytes(library.read_bytes()[18:20], "little") == ELF_MACHINE[architecture]


@pytest.mark.skipif(not available(), reason="the packages that were built are for Linux")
def test_the_built_client_passes_the_tests_of_the_client(built: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/integration/test_claude.py"],
        env={**os.environ, "PYTHONPATH": str(built / "Collector"), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    where = subprocess.run(
        [sys.executable, "-c", r"import anthropic, collector; print(anthropic.__file__, collector.__file__, sep='\n')"],
        env={**os.environ, "PYTHONPATH": str(built / "Collector")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [each for each in where.stdout.splitlines() if str(built) not in each] == []
