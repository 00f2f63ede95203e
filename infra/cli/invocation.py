"""How this program was called, so that a suggested command works when it is pasted into the same shell.

It was called as `uv run nightfold`, `.venv/bin/nightfold`, `nightfold` on the path, `python -m infra.cli.main` or by
`make`.
"""

import os
import shlex
import shutil
import sys
from pathlib import Path

from infra.cli.terminal import STATE_DIR

ROOT = Path(__file__).parents[2]
MODULE = "infra.cli.main"


def suggest(command: str, state_dir: Path) -> str:
    """`.venv/bin/nightfold redrive --state-dir mine`: this program with that command, on the same state."""
    return f"{program()} {command}{_state_dir_argument(state_dir)}"


def suggest_anywhere(command: str, state_dir: Path) -> str:
    """The same, with absolute paths, for a page that is read later and in another folder."""
    return f"{program_anywhere()} {command} --state-dir {shlex.quote(str(state_dir.absolute()))}"


def redrive_of(*, simulated: bool) -> str:
    """The command that collects the misses of one kind."""
    return "redrive --simulate" if simulated else "redrive"


def shown(path: Path) -> Path:
    """The path for the user's shell: absolute if the shell is in another folder."""
    return path if typed_here() else path.absolute()


def in_repository(command: str, root: Path = ROOT) -> str:
    """A command of the repository, such as `make build`, wherever the user's shell is."""
    here = typed_here() and Path.cwd() == root
    return command if here else f"(cd {shlex.quote(str(root))} && {command})"


def program() -> str:
    """The words that call this program in the user's shell."""
    typed, modules = sys.orig_argv, [n for n, word in enumerate(sys.orig_argv) if word == MODULE]
    if modules and Path(sys.argv[0]).name == "main.py":
        first = typed[0] if typed_here() or os.sep not in typed[0] else sys.executable
        return shlex.join([first, *typed[1 : modules[0] + 1]])
    script = Path(sys.argv[0])
    if script.name != "nightfold":  # called by other Python code
        script = Path(sys.executable).with_name("nightfold")
    if _by_uv() and typed_here() and Path.cwd().is_relative_to(ROOT):
        return "uv run nightfold"
    if _is_found(script):
        return script.name
    if not typed_here():
        return shlex.quote(str(script.absolute()))
    if script.is_absolute() and script.is_relative_to(Path.cwd()):
        script = script.relative_to(Path.cwd())
    return shlex.quote(f"./{script}" if script.parent == Path() else str(script))


def program_anywhere() -> str:
    """The words that call this program in any folder."""
    script = Path(sys.executable).with_name("nightfold")
    return shlex.join([str(script)] if script.exists() else [sys.executable, "-m", MODULE])


def typed_here() -> bool:
    """Whether the user's shell is in this process's folder. With `make -C` and `uv --directory` it is not."""
    if "UV_RUN_RECURSION_DEPTH" in os.environ and _is_run_by_sh():
        return False
    shell = os.environ.get("PWD")
    try:
        return not shell or os.path.samefile(shell, ".")  # noqa: PTH121 - the paths as the shell has them
    except OSError:
        return False


def _is_run_by_sh() -> bool:
    """Whether the script is the one for sh that uv writes where the path has a space. sh replaces PWD."""
    try:
        with open(sys.argv[0], "rb") as script:  # noqa: PTH123 - as it was typed
            return script.read(9) == b"#!/bin/sh"
    except OSError:
        return False


def _state_dir_argument(state_dir: Path) -> str:
    if not typed_here():
        return f" --state-dir {shlex.quote(str(state_dir.absolute()))}"
    return "" if state_dir == STATE_DIR else f" --state-dir {shlex.quote(str(state_dir))}"


def _by_uv() -> bool:
    """Whether `uv run` started this process, and the user's shell finds that uv."""
    uv, found = os.environ.get("UV"), shutil.which("uv")
    return "UV_RUN_RECURSION_DEPTH" in os.environ and bool(uv and found) and Path(str(uv)).samefile(str(found))


def _is_found(script: Path) -> bool:
    """Whether the user's shell finds this script. `uv run` adds its folder to the path of this process only."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if "UV_RUN_RECURSION_DEPTH" in os.environ:
        folders = [folder for folder in folders if folder != str(script.parent)]
    found = shutil.which(script.name, path=os.pathsep.join(folders))
    return found is not None and script.exists() and Path(found).samefile(script)
