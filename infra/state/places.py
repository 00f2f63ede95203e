"""Checks the kind of each file in a state directory, before anything in it is opened, deleted or locked."""

import re
from collections.abc import Iterator
from pathlib import Path

from infra.state.regular_files import kind_of

TEMPORARY = ".tmp"
FOLDERS = (TEMPORARY, "config", "corrupt", "logs", "queues", "runs", "sites")
FILES = ("configuration.json", "former-sites.json", "lock", "sites.json", "state.json")

_OWN_TEMPORARY = re.compile(r"\d+-\d+")


class UnsafeState(Exception):  # noqa: N818
    """A link leads out of the state directory, or a place has the wrong kind of file. Nothing was touched; the message
    names the place."""


def check_places(directory: Path) -> None:
    """Check that everything Nightfold keeps here is the kind of file that it creates. Raises UnsafeState."""
    folders = [directory / name for name in FOLDERS]
    files = [directory / name for name in FILES]
    for wanted, paths in (("a directory", folders), ("a regular file", files)):
        for path in paths:
            if (kind := kind_of(path)) not in {None, wanted}:
                raise UnsafeState(_wrong(path, str(kind), wanted))
    if kind_of(directory / "queues") is not None:
        for queue in (directory / "queues").iterdir():
            if (kind := kind_of(queue)) != "a directory":
                raise UnsafeState(_wrong(queue, str(kind), "a directory"))


def check_folder(directory: Path, folder: Path) -> None:
    """Raises UnsafeState where a link on the way to a folder would lead out of the state directory."""
    at = directory
    for part in folder.relative_to(directory).parts:
        at /= part
        kind = kind_of(at)
        if kind is None:
            return  # what is created there will be a directory
        if kind != "a directory":
            raise UnsafeState(_wrong(at, kind, "a directory"))


def _wrong(path: Path, kind: str, wanted: str) -> str:
    return (
        f"{path} is {kind}, and Nightfold uses only {wanted} there. Nothing was changed: "
        "remove it, or choose another directory with --state-dir."
    )


def left_over(temporary: Path) -> Iterator[Path]:
    """A temporary file of a process that was killed in the middle of a write. Other names are not Nightfold's."""
    for path in temporary.iterdir():
        if _OWN_TEMPORARY.fullmatch(path.name) and kind_of(path) == "a regular file":
            yield path
