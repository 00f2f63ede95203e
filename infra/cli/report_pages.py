"""The pages of closed runs, for `nightfold report`. No cloud is deployed and no lock taken."""

import json
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infra.cli.installation import Installation
from infra.cli.run_names import run_named
from infra.cli.terminal import table
from nightfold.amounts import dollars, duration
from nightfold.errors import InvalidInput, UnexpectedError
from nightfold.storage import summary_key
from nightfold.text import one_line
from reporter.page import render
from reporter.records import PastRun, RunRecords, read_records
from reporter.verdict import ReportContext


def page_of(at: Installation, name: str) -> Path:
    """The page of the run with this name, as a file. Raises InvalidInput."""
    run_id = run_named("report", name, at)
    if at.records.get(summary_key(run_id)) is None:
        raise InvalidInput(f"report: run {run_id} {at.why_unfinished()}")
    return at.page(run_id, lambda: _rendered(run_id, at))


def text_of(at: Installation, page: Path) -> str:
    """The message that announces the run with this page. Raises InvalidInput."""
    from reporter.message import text  # imports boto3

    run_id = page.parent.name
    with _rendering("text", run_id):
        records = read_records(run_id, at.records)
        return text(records, _context(records, at), page.as_uri())


def _rendered(run_id: str, at: Installation) -> bytes:
    with _rendering("page", run_id):
        records = read_records(run_id, at.records)
        return render(records, _context(records, at))


def _context(records: RunRecords, at: Installation) -> ReportContext:
    return ReportContext(redrive_command=at.redrive_anywhere(simulated=records.summary.simulated))


@contextmanager
def _rendering(what: str, run_id: str) -> Iterator[None]:
    try:
        yield
    except (UnexpectedError, ValidationError, OSError) as error:
        raise InvalidInput(f"report: the {what} of {run_id} cannot be rendered: {one_line(str(error))}") from None


def as_text(runs: list[PastRun], width: int | None) -> list[str]:
    """The output of `nightfold report --list`."""
    head = ("RUN", "STATUS", "ACCEPTED", "COST", "TIME", "STARTED")
    rows = [
        (
            run.run_id,
            run.status,
            f"{run.accepted:,} of {run.planned:,}",
            _cost(run),
            duration(run.duration_s),
            f"{run.started_at.astimezone():%m-%d %H:%M}",  # last, where a narrow terminal cuts: most names have it too
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
