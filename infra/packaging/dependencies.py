"""A function's locked dependencies, as wheels for Lambda's platform, on any machine.

boto3 and its dependencies are left out: Lambda's runtime has them, and a second copy would be a fifth of each package.
"""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from infra.uv import uvs

ROOT = Path(__file__).parents[2]
IN_THE_RUNTIME = "boto3"
ARCHITECTURES = ("arm64", "x86_64")


class CannotBuild(Exception):  # noqa: N818
    """The message says what is missing and what to do."""


@contextmanager
def one_at_a_time() -> Iterator[Path]:
    """All processes that build under .aws-sam for tests or tools wait for each other here."""
    folder = ROOT / ".aws-sam"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def install(group: str, architecture: str, target: Path, *, without: str | None = IN_THE_RUNTIME) -> None:
    """What uv.lock has for the project and its dependency group, unpacked into `target`; hashes are checked."""
    prune = [f"--prune={without}"] if without else []
    locked = _uv(
        *("export", "--frozen", "--no-default-groups", "--group", group, "--no-emit-project", "--no-header"), *prune
    )
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(locked)
        requirements.flush()
        install_requirements(Path(requirements.name), architecture, target)


def install_requirements(requirements: Path, architecture: str, target: Path) -> None:
    """A requirements file with hashes, unpacked into `target`."""
    platform = Path(__file__).with_name(architecture).joinpath("platform").read_text().strip()
    _uv(
        *("pip", "install", "--quiet", "--no-deps", "--require-hashes", "--link-mode=copy", "--no-compile-bytecode"),
        *("--only-binary", ":all:", "--python-platform", platform, "--python-version", "3.13"),
        *("--target", str(target), "--requirements", str(requirements)),
    )
    (target / ".lock").unlink(missing_ok=True)


def _uv(*arguments: str) -> str:
    # Bytecode is compiled later, since uv's has timestamps; the environment variable would override the option.
    environment = {name: value for name, value in os.environ.items() if name != "UV_COMPILE_BYTECODE"}
    done = subprocess.run(  # noqa: S603
        [find_uv(), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotBuild(f"uv {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout


@cache
def find_uv() -> str:
    """Raises CannotBuild."""
    for uv, _ in uvs():
        return uv
    raise CannotBuild("uv was not found: `make build` finds or installs it.")
