"""What `nightfold doctor` looks at without --stack: this machine, and the state directory. Nothing is asked of AWS."""

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from infra.cli import installation_checks
from infra.cli.checks import Check, Finding, fix, looked, note, ok
from infra.cli.configuration import check_writable
from infra.cli.invocation import ROOT, in_repository
from infra.cli.laptop import Laptop
from infra.state.lock import in_use
from infra.state.queued_misses import unreadable_messages
from infra.uv import uvs
from nightfold.amounts import counted
from nightfold.errors import InvalidInput

ENOUGH = 100_000_000  # bytes: a run of 10,000 sites stores half as much
_MAKE = {  # the package manager of this machine → what installs make
    "apt-get": "sudo apt-get install make",
    "dnf": "sudo dnf install make",
    "xcode-select": "xcode-select --install",
}


def laptop_checks(at: Laptop) -> Iterator[Check]:
    yield from looked(
        {
            "uv": uv,
            "python": python,
            "packages": packages,
            "make": make,
            "sam": sam,
            "aws credentials": aws_credentials,
            "api key": api_key,
            "state directory": partial(_state_directory, at),
            "configuration": partial(installation_checks.configuration, at),
            "sites": lambda: installation_checks.sites(at, at.site_list.read(), at.site_list.where),
            "misses": partial(_misses, at),
        }
    )


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


def packages(root: Path = ROOT, environment: str = sys.prefix) -> Finding:
    """What uv would change in this environment, to have what uv.lock pins."""
    program = next((path for path, _ in uvs(root)), None)
    if program is None:
        return note("not known: uv, which compares them with uv.lock, was not found")
    command = [program, "sync", "--locked", "--inexact", "--check", "--offline"]
    done = subprocess.run(  # noqa: S603
        command,
        cwd=root,
        env=os.environ | {"UV_PROJECT_ENVIRONMENT": environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return ok("as in uv.lock")
    lines = done.stderr.splitlines()
    changes = [line.strip() for line in lines if line.startswith((" + ", " - ", " ~ "))] or lines[-1:]
    more = f" and {len(changes) - 3:,} more" if len(changes) > 3 else ""
    return fix(f"not as in uv.lock: {', '.join(changes[:3])}{more}", _sync(root))


def make() -> Finding:
    if path := shutil.which("make"):
        return ok(path)
    command = next((command for program, command in _MAKE.items() if shutil.which(program)), None)
    return note("not found; `make run`, `make test` and `make build` need it", command)


def sam(root: Path = ROOT) -> Finding:
    if path := shutil.which("sam"):
        return ok(path)
    return note("not found; only `sam deploy` needs it", f"{_uv(root)} tool install aws-sam-cli")


def aws_credentials() -> Finding:
    from infra.stack.session import found_credentials

    if method := found_credentials():
        return ok(f"found ({method}); `doctor --stack NAME` tries them")
    keys = "export AWS_ACCESS_KEY_ID=AKIA… AWS_SECRET_ACCESS_KEY=…"
    return note(
        "none in the environment or in the files of the aws command; only a stack needs them",
        "aws configure" if shutil.which("aws") else keys,
    )


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
    return in_repository(f"{_uv(root)} sync --locked --inexact", root)


def _uv(root: Path) -> str:
    return shlex.quote(next((path for path, _ in uvs(root)), "uv"))


def _project(root: Path) -> Any:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _state_directory(at: Laptop) -> Finding:
    try:
        check_writable(at.state_dir)
    except InvalidInput as error:
        return fix(str(error))
    existing = next(each for each in (at.state_dir.absolute(), *at.state_dir.absolute().parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if free < ENOUGH:
        return fix(f"only {free / 1e6:,.0f} MB are free where {at.state_dir} is")
    if in_use(at.state_dir):
        return note(f"{at.state_dir} is in use by another Nightfold process; a run waits for no other")
    return ok(f"{at.state_dir}{'' if at.state_dir.exists() else ' does not exist yet'}, {free / 1e9:,.1f} GB free")


def _misses(at: Laptop) -> Finding:
    try:
        if unreadable := len(list(unreadable_messages(at.state_dir))):
            return fix(f"{counted(unreadable, 'message file')} cannot be read", at.suggest("misses"))
        return installation_checks.misses(at, Counter(miss.queue for miss in at.misses()))
    except OSError as error:
        return fix(f"{error.filename} cannot be read ({error.strerror})")
