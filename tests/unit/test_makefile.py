"""Which uv the Makefile uses: one that runs and is not older than pyproject.toml allows."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MINIMUM = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["required-version"].removeprefix(">=")
TOOLS = ("bash", "cut", "head", "sed", "sort")  # that the Makefile needs to find uv


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the Makefile, and a PATH without any uv."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "probe.mk").write_text("include Makefile\nprobe:\n\t@echo found: $(UV)\n\t@$(FIND_UV) || true\n")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or pytest.fail(f"{tool} is missing"))
    return tmp_path


def put_uv(folder: Path, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "uv").write_text(f"#!/bin/bash\n{version}\n")
    (folder / "uv").chmod(0o755)


def probe(machine: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [shutil.which("make") or "make", "-s", "-f", "probe.mk", "probe"],
        cwd=machine,
        env={"PATH": str(machine / "bin"), "HOME": str(machine / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("version", [MINIMUM, "0.13.9", "1.0.0", "0.100.0"])
def test_a_uv_that_is_new_enough_is_used(machine: Path, version: str) -> None:
    put_uv(machine / "bin", f'echo "uv {version} (x86_64-unknown-linux-gnu)"')
    assert probe(machine).stdout == "found: uv\nuv\n"


@pytest.mark.parametrize("version", ["0.8.2", "0.5.10", "0.0.1"])
def test_a_uv_that_is_too_old_is_reported_and_skipped(machine: Path, version: str) -> None:
    put_uv(machine / "bin", f"echo uv {version}")
    put_uv(machine / "home/.local/bin", "echo uv 0.13.9")
    found = probe(machine)
    newer = str(machine / "home/.local/bin/uv")
    assert found.stdout == f"found: {newer}\n{newer}\n"
    assert found.stderr == f"uv is too old: uv {version}, and Nightfold needs {MINIMUM} or later.\n"


def test_a_shim_that_fails_is_skipped_silently(machine: Path) -> None:
    put_uv(machine / "bin", "echo 'pyenv: uv: command not found' >&2; exit 127")
    found = probe(machine)
    assert (found.stdout, found.stderr) == ("found:\n", "")
