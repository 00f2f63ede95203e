"""One function as a folder: its own code, the shared code, and its locked dependencies, compiled."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.packaging.dependencies import ROOT, CannotBuild, install

FUNCTIONS = ROOT / "functions"
SHARED = ("nightfold", "questions")
ON_LAMBDA = "/var/task"

# Large parts of the dependencies that functions never use.
UNUSED = (
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/data_classes",
    "aws_lambda_powertools/utilities/parser",
    "pydantic/mypy.py",
    "pydantic/v1",
)
# Of a distribution's metadata, the licences and the files with entry points and versions are kept.
KEPT_METADATA = {"METADATA", "entry_points.txt", "licenses"}


def assemble(function: str, architecture: str, folder: Path) -> None:
    """Build the package of `function`, a folder of functions/, in `folder`. Raises CannotBuild."""
    if sys.version_info[:2] != (3, 13):
        raise CannotBuild(f"Bytecode for Lambda's python3.13 is compiled by Python 3.13, not {sys.version.split()[0]}.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    install(function, architecture, folder)
    _trim(folder)
    for own in (function, *SHARED):
        shutil.copytree(FUNCTIONS / own, folder / own, ignore=shutil.ignore_patterns("__pycache__"))
    compile_files(folder)


def _trim(folder: Path) -> None:
    for name in UNUSED:
        unused = folder / name
        shutil.rmtree(unused) if unused.is_dir() else unused.unlink(missing_ok=True)
    for metadata in folder.glob("*.dist-info"):
        for file in metadata.iterdir():
            if file.name not in KEPT_METADATA:
                file.unlink() if file.is_file() else shutil.rmtree(file)
    for pattern in ("*.pyi", "py.typed", "*.pyx", "*.c"):
        for file in folder.rglob(pattern):
            file.unlink()
    shutil.rmtree(folder / "bin", ignore_errors=True)


def compile_files(folder: Path) -> None:
    """Compile everything in the folder to bytecode that is valid whatever the source's date: SAM dates every file 1980.

    In a separate process with a fixed hash seed and one worker: the order of a frozenset's items is part of the bytes.
    """
    done = subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-S", "-P", "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"),
            *("-s", str(folder), "-p", ON_LAMBDA, "-i", "-"),
        ],
        env={"PATH": os.defpath, "PYTHONHASHSEED": "0"},
        input="\n".join(sorted(map(str, folder.rglob("*.py")))),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotBuild(f"The package does not compile:\n{done.stdout}{done.stderr}")
