"""The runs of a laptop or of a stack, and the names that a user can give them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from infra.cli.installation import Installation
from nightfold.complaints import nearest
from nightfold.errors import InvalidInput
from nightfold.storage import Source, summary_key
from reporter.records import PastRun

READERS = 16  # summaries that are read at once
LATEST = "latest"
LISTED = 5  # runs that share a beginning; the rest are counted


def run_named(command: str, name: str, at: Installation) -> str:
    """The run with this name or, if none has it, the only run whose name begins with it; `latest` is the newest closed
    run. Raises InvalidInput."""
    if name in at.records.run_ids():
        return name
    if name == LATEST:
        return _newest(command, at)
    names = sorted(each for each, _ in _runs(at.records))
    match [each for each in names if name and each.startswith(name)]:
        case [only]:
            return only
        case []:
            near = nearest(name, [LATEST, *names], 0.6)
            lists = f"`{at.suggest('report --list')}` lists them{f'; the nearest is {near!r}' if near else ''}"
            raise InvalidInput(f"{command}: there is no run {name!r} in {at.place}; {lists}")
        case several:
            more = f" and {len(several) - LISTED:,} more" if len(several) > LISTED else ""
            listed = f"{', '.join(several[:LISTED])}{more}"
            raise InvalidInput(f"{command}: the names of {len(several):,} runs begin with {name!r}: {listed}")


def closed_runs(records: Source) -> list[PastRun]:
    """The closed runs, newest first."""
    return sorted((run for _, run in _runs(records) if run), key=lambda run: run.started_at, reverse=True)


def _newest(command: str, at: Installation) -> str:
    runs = closed_runs(at.records)
    if not runs:
        raise InvalidInput(f"{command}: {at.place} has no closed run yet; start one with `{at.suggest('run')}`")
    return runs[0].run_id


def _runs(records: Source) -> Iterator[tuple[str, PastRun | None]]:
    """Each run's name, and its summary if it has one that can be read. A copied folder is not a run."""

    def read(name: str) -> PastRun | None:
        try:
            return PastRun.model_validate_json(records.get(summary_key(name)) or b"")
        except ValueError:
            return None

    names = list(records.run_ids())
    with ThreadPoolExecutor(READERS) as readers:
        for name, run in zip(names, readers.map(read, names), strict=True):
            if run is None or run.run_id == name:
                yield name, run
