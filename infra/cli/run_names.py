"""The runs of a state directory, and the names that a user can give them."""

from collections.abc import Iterator
from pathlib import Path

from infra.cli.invocation import suggest
from infra.state.folder import Folder
from nightfold.complaints import nearest
from nightfold.errors import InvalidInput
from nightfold.storage import summary_key
from reporter.records import PastRun

LATEST = "latest"
LISTED = 5  # runs that share a beginning; the rest are counted


def run_named(command: str, name: str, state_dir: Path) -> str:
    """The run with this name or, if none has it, the only run whose name begins with it; `latest` is the newest closed
    run. Raises InvalidInput."""
    if name in Folder(state_dir).run_ids():
        return name
    if name == LATEST:
        return _newest(command, state_dir)
    names = sorted(each for each, _ in _runs(state_dir))
    match [each for each in names if name and each.startswith(name)]:
        case [only]:
            return only
        case []:
            near = nearest(name, [LATEST, *names], 0.6)
            lists = f"`{suggest('report --list', state_dir)}` lists them{f'; the nearest is {near!r}' if near else ''}"
            raise InvalidInput(f"{command}: there is no run {name!r} in {state_dir}; {lists}")
        case several:
            more = f" and {len(several) - LISTED:,} more" if len(several) > LISTED else ""
            listed = f"{', '.join(several[:LISTED])}{more}"
            raise InvalidInput(f"{command}: the names of {len(several):,} runs begin with {name!r}: {listed}")


def closed_runs(state_dir: Path) -> list[PastRun]:
    """The closed runs, newest first."""
    return sorted((run for _, run in _runs(state_dir) if run), key=lambda run: run.started_at, reverse=True)


def _newest(command: str, state_dir: Path) -> str:
    runs = closed_runs(state_dir)
    if not runs:
        start = suggest("run", state_dir)
        raise InvalidInput(f"{command}: {state_dir} has no closed run yet; start one with `{start}`")
    return runs[0].run_id


def _runs(state_dir: Path) -> Iterator[tuple[str, PastRun | None]]:
    """Each run's name, and its summary if it has one that can be read. A copied folder is not a run."""
    folder = Folder(state_dir)
    for name in folder.run_ids():
        try:
            run = PastRun.model_validate_json(folder.get(summary_key(name)) or b"")
        except ValueError:
            run = None
        if run is None or run.run_id == name:
            yield name, run
