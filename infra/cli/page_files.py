"""The page of a run as a file, which a browser can open."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from infra.state.directory import StateDirectory
from infra.state.regular_files import open_file
from nightfold.storage import Source, digest_key


def page_in(state_dir: Path, run_id: str, render: Callable[[], bytes]) -> Path:
    """The page in the run's folder, rendered if the run left none; in a temporary folder if the state directory is
    read-only."""
    page = state_dir / digest_key(run_id)
    if page.exists():
        return page.resolve()
    content = render()
    StateDirectory(state_dir).check_folder(page.parent.absolute())
    try:
        return _written(page, content).resolve()
    except OSError as error:
        if error.errno not in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise
    return _temporary(run_id, content)


def page_from(records: Source, run_id: str, render: Callable[[], bytes]) -> Path:
    """A copy of the page that is stored, rendered if the run left none."""
    stored = records.get(digest_key(run_id))
    return _temporary(run_id, render() if stored is None else stored)


def _temporary(run_id: str, content: bytes) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="nightfold-")) / run_id  # only its owner can read it
    folder.mkdir()
    return _written(folder / Path(digest_key(run_id)).name, content).resolve()


def _written(page: Path, content: bytes) -> Path:
    """Half a page never has its name: it would be taken for the whole one."""
    part = page.with_name(f"{page.name}.{os.getpid()}")
    with open(open_file(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(content)
    return part.replace(page)
