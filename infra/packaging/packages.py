"""All packages of one architecture: folders, zips, and the template for `sam deploy`."""

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.fingerprint import SOURCES, fingerprint
from infra.packaging import template
from infra.packaging.archive import pack
from infra.packaging.dependencies import CannotBuild, one_at_a_time
from infra.packaging.package import assemble

LARGEST = {"collector": 13_000_000}  # bytes of a zip
LARGEST_OTHER = 5_000_000


@dataclass(frozen=True)
class Made:
    """One function's package."""

    logical_id: str
    folder: Path
    archive: Path
    size: int  # bytes of the zip
    sha256: str


def build(into: Path, architecture: str) -> Iterator[Made]:
    """Empty `into` and build all packages there, in turn. Raises CannotBuild, also if a package is too large."""
    described = template.read()
    shutil.rmtree(into, ignore_errors=True)
    for logical_id, function in described.functions.items():
        folder, archive = into / logical_id, into / f"{logical_id}-{architecture}.zip"
        assemble(function, architecture, folder)
        sha256 = pack(folder, archive)
        made = Made(logical_id, folder, archive, archive.stat().st_size, sha256)
        yield made
        limit = LARGEST.get(function, LARGEST_OTHER)
        if made.size > limit:
            raise CannotBuild(f"{logical_id} is {made.size / 1e6:.1f} MB zipped; it may be {limit / 1e6:.0f} MB.")
    (into / "template.yaml").write_text(described.built(into, architecture))
    (into / "local.yaml").write_text(described.local(into, architecture))


def for_this_machine() -> Path:
    """The folder with packages that run on this machine, built again if any input has changed."""
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    with one_at_a_time() as folder:
        inputs = fingerprint([*SOURCES, "infra/packaging"])
        made = folder / f"packages-{architecture}-{sys.version.split()[0]}-{inputs}"
        if not (made / "template.yaml").is_file():  # written last
            for former in folder.glob(f"packages-{architecture}-*"):
                shutil.rmtree(former)
            list(build(made, architecture))
        return made
