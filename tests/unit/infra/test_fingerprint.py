"""infra/fingerprint.py: the same for the same sources."""

import os
import shutil
from pathlib import Path

import pytest

from infra.fingerprint import ROOT, SOURCES, UNKNOWN, fingerprint
from infra.packaging import template


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for source in SOURCES:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, tmp_path / source)
    return tmp_path


def test_a_copy_has_the_same_fingerprint_whatever_its_dates(copy: Path) -> None:
    for file in (path for path in copy.rglob("*") if path.is_file()):
        os.utime(file, (0, 0))
    cache = copy / "functions/planner/__pycache__"
    cache.mkdir()
    (cache / "plan.cpython-313.pyc").write_bytes(b"bytecode")
    (cache / "__jinja2_4cde3c58.cache").write_bytes(b"a template's bytecode")
    (copy / "functions/.DS_Store").touch()
    assert fingerprint(root=copy) == fingerprint()


@pytest.mark.parametrize(
    "source",
    [
        "template.yaml",
        "infra/statemachine/nightly.asl.json",
        "uv.lock",
        "functions/planner/plan.py",
        "functions/questions/article_candidates/prompt.txt",
    ],
)
def test_another_source_is_another_fingerprint(copy: Path, source: str) -> None:
    with (copy / source).open("a") as file:
        file.write("\n")
    assert fingerprint(root=copy) != fingerprint()


def test_another_name_is_another_fingerprint(copy: Path) -> None:
    (copy / "functions/planner/plan.py").rename(copy / "functions/planner/planned.py")
    assert fingerprint(root=copy) != fingerprint()


def test_a_built_template_carries_it(tmp_path: Path) -> None:
    read = template.read()
    assert read.document["Outputs"]["Fingerprint"]["Value"] == UNKNOWN
    assert fingerprint() in read.built(tmp_path, "arm64")
