"""What `nightfold doctor` looks at on this machine. Nothing is asked of AWS."""

import os
import platform
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from infra.cli.checks import Finding, fix, note, ok
from infra.cli.invocation import ROOT, in_repository
from infra.uv import uvs
from nightfold.amounts import counted
from nightfold.errors import InvalidInput

LOCAL = "local"  # the dependency group of the command line
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MAKE = {  # the package manager of this machine → what installs make
    "apt-get": "sudo apt-get install make",
    "dnf": "sudo dnf install make",
    "xcode-select": "xcode-select --install",
}


def uv(root: Path = ROOT) -> Finding:
    wanted = _project(root)["tool"]["uv"]["required-version"].removeprefix(">=")
    old = []
    for path, version in uvs(root):
        if _numbers(version) >= _numbers(wanted):
            return ok(f"{version} ({path})")
        old.append(f"{path} is {version}")
    return fix(f"{', '.join(old) or 'not found'}; {wanted} or later is needed", in_repository("make uv", root))


def python(root: Path = ROOT, running: str = platform.python_version()) -> Finding:
    wanted = _project(root)["project"]["requires-python"].removeprefix("==").removesuffix(".*")
    if running.startswith(f"{wanted}."):
        return ok(f"{running} ({sys.executable})")
    return fix(f"{running} runs this, and Nightfold needs {wanted}", _sync(root))


def packages(root: Path = ROOT, installed_in: list[str] = sys.path) -> Finding:
    """What the command line uses must be installed, and it and what it uses in turn in the versions of uv.lock."""
    locked = {each["name"]: each for each in _toml(root / "uv.lock")["package"]}
    installed = {_canonical(each.name): each.version for each in distributions(path=installed_in)}
    named = _named(_project(root))
    used = {name: locked[name]["version"] for name in _used(named, locked) if name in installed}
    wrong = [f"{name} is not installed" for name in named if name not in installed]
    wrong += [
        f"{name} is {installed[name]}, not {version}" for name, version in used.items() if installed[name] != version
    ]
    if wrong:
        more = f" and {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
        return fix(f"{', '.join(wrong[:3])}{more}", _sync(root))
    return ok(f"{counted(len(used), 'package')} as in uv.lock")


def make() -> Finding:
    if path := shutil.which("make"):
        return ok(path)
    command = next((command for program, command in _MAKE.items() if shutil.which(program)), None)
    return note("not found; `make run`, `make test` and `make build` need it", command)


def sam() -> Finding:
    if path := shutil.which("sam"):
        return ok(path)
    return note("not found; only `sam deploy` needs it", "uv tool install aws-sam-cli")


def aws_credentials() -> Finding:
    from infra.stack.credentials import found_credentials

    if method := found_credentials():
        return ok(f"found ({method}); `doctor --stack NAME` tries them")
    return note("none in the environment or in the files of the aws command; only a stack needs them", "aws configure")


def api_key(environment: Mapping[str, str] = os.environ) -> Finding:
    from infra.messages_api.endpoint import Simulation, choose_endpoint

    try:
        chosen = choose_endpoint(environment, Simulation(), default_scenario=None)
    except InvalidInput as error:
        return fix(str(error), f"unset {str(error).partition(':')[0]}")
    if chosen.simulated:
        return note(
            "ANTHROPIC_API_KEY is not set, so runs on this machine are simulated", "export ANTHROPIC_API_KEY=sk-ant-…"
        )
    return ok("ANTHROPIC_API_KEY is set: runs on this machine are real")


def _sync(root: Path) -> str:
    program = next((path for path, _ in uvs(root)), "uv")
    return in_repository(f"{shlex.quote(program)} sync --locked --inexact", root)


def _named(project: Mapping[str, Any]) -> list[str]:
    """The packages that pyproject.toml names for the command line."""
    groups = project["dependency-groups"]
    named = [*project["project"]["dependencies"]]
    waiting = [LOCAL]
    while waiting:
        for each in groups[waiting.pop()]:
            waiting.append(each["include-group"]) if isinstance(each, dict) else named.append(each)
    return sorted({_canonical(found[0]) for each in named if (found := _NAME.match(each))})


def _used(named: Sequence[str], locked: Mapping[str, Any]) -> list[str]:
    """These packages and what they use, in turn."""
    used, waiting = set[str](), [*named]
    while waiting:
        if (name := waiting.pop()) not in used and name in locked:
            used.add(name)
            extras = locked[name].get("optional-dependencies", {}).values()
            for uses in (locked[name].get("dependencies", []), *extras):
                waiting += [each["name"] for each in uses]
    return sorted(used)


def _project(root: Path) -> Any:
    return _toml(root / "pyproject.toml")


def _toml(file: Path) -> Any:
    return tomllib.loads(file.read_text("utf-8"))


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


MACHINE = {
    "uv": uv,
    "python": python,
    "packages": packages,
    "make": make,
    "sam": sam,
    "aws credentials": aws_credentials,
    "api key": api_key,
}
