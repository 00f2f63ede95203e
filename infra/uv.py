"""Finds uv as the Makefile does."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def uvs(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Each uv that runs in the folder `root`, and its version: a pyenv shim may exist and still fail there.

    `uv run` passes its path to its children, so that one comes first.
    """
    home = Path.home()
    for candidate in (os.environ.get("UV"), "uv", root / ".uv/bin/uv", home / ".local/bin/uv", home / ".cargo/bin/uv"):
        if candidate and (version := _version(str(candidate), root)):
            yield str(candidate), version
    module = _answer("python3", "-c", "import uv; print(uv.find_uv_bin())", cwd=Path("/"))
    if module and (version := _version(module, root)):
        yield module, version


def _version(uv: str, root: Path) -> str:
    words = _answer(uv, "--version", cwd=root).split()  # uv 0.9.5 (9f7d4a1 2026-10-21)
    return words[1] if len(words) > 1 else ""


def _answer(*command: str, cwd: Path) -> str:
    """What the command prints; "" if it fails."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
