"""The pages of closed runs, for `nightfold report`. Only files are read: no cloud is deployed and no lock taken."""

import errno
import json
import os
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infra.cli.invocation import redrive_of, suggest, suggest_anywhere
from infra.cli.run_names import run_named
from infra.cli.terminal import table
from infra.state.directory import StateDirectory
from infra.state.folder import Folder
from infra.state.lock import in_use
from infra.state.regular_files import open_file
from nightfold.amounts import dollars, duration
from nightfold.errors import InvalidInput, UnexpectedError
from nightfold.storage import digest_key, summary_key
from nightfold.text import one_line
from reporter.page import render
from reporter.records import PastRun, RunRecords, read_records
from reporter.verdict import ReportContext


def page_of(state_dir: Path, name: str) -> Path:
    """The page of the run with this name. It is rendered if the run left none. Raises InvalidInput."""
    run_id = run_named("report", name, state_dir)
    page = state_dir / digest_key(run_id)
    if not page.exists():
        if not (state_dir / summary_key(run_id)).exists():
            stopped = f"stopped before it finished; `{suggest('redrive', state_dir)}` closes it"
            how = "is still running" if in_use(state_dir) else stopped
            raise InvalidInput(f"report: run {run_id} {how}")
        with _rendering("page", run_id):
            records = read_records(run_id, Folder(state_dir))
            page = _kept(page, state_dir, render(records, _context(records, state_dir)))
    return page.resolve()


def text_of(state_dir: Path, page: Path) -> str:
    """The message that announces the run with this page. Raises InvalidInput."""
    from reporter.message import text  # imports boto3

    run_id = page.parent.name
    with _rendering("text", run_id):
        records = read_records(run_id, Folder(state_dir))
        return text(records, _context(records, state_dir), page.as_uri())


def _context(records: RunRecords, state_dir: Path) -> ReportContext:
    command = redrive_of(simulated=records.summary.simulated)
    return ReportContext(redrive_command=suggest_anywhere(command, state_dir))


@contextmanager
def _rendering(what: str, run_id: str) -> Iterator[None]:
    try:
        yield
    except (UnexpectedError, ValidationError, OSError) as error:
        raise InvalidInput(f"report: the {what} of {run_id} cannot be rendered: {one_line(str(error))}") from None


def _kept(page: Path, state_dir: Path, content: bytes) -> Path:
    """The page as a file, in the run's folder or, if the state directory is read-only, in a temporary one."""
    StateDirectory(state_dir).check_folder(page.parent.absolute())
    try:
        descriptor = open_file(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except OSError as error:
        if error.errno not in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise
        page = Path(tempfile.mkdtemp(prefix="nightfold-")) / page.parent.name / page.name
        page.parent.mkdir()
        descriptor = open_file(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(content)
    return page


def as_text(runs: list[PastRun], width: int | None) -> list[str]:
    """The output of `nightfold report --list`."""
    head = ("RUN", "STATUS", "ACCEPTED", "COST", "STARTED", "TIME")
    rows = [
        (
            run.run_id,
            run.status,
            f"{run.accepted:,} of {run.planned:,}",
            _cost(run),
            f"{run.started_at.astimezone():%m-%d %H:%M}",
            duration(run.duration_s),
        )
        for run in runs
    ]
    return table([head, *rows], width) if rows else ["No run has closed yet."]


def _cost(run: PastRun) -> str:
    if run.simulated:
        return "simulated"
    return "unknown" if run.cost_usd is None else dollars(run.cost_usd)


def as_json(runs: list[PastRun]) -> str:
    return json.dumps([run.model_dump(mode="json") for run in runs], indent=2)


def page_as_json(page: Path) -> str:
    return json.dumps({"run_id": page.parent.name, "page": page.as_uri()}, indent=2)


def open_page(page: Path, browse: Callable[[str], Any] = webbrowser.open) -> bool:
    """Open the page. Returns whether a browser opened."""
    return bool(browse(page.as_uri()))
