"""Which sites were accepted after they were missed, read from the summaries of the runs that ended since then."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from nightfold.question import DEFAULT
from nightfold.sites import RunId, SiteId
from nightfold.storage import Source, summary_key
from planner.waiting import About, Accepted

READERS = 4  # summaries that are read at once; one of 10,000 sites has 1.5 MB
_DAY = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)")


class _Site(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    site_id: SiteId
    accepted: bool
    question: str | None = None


class _Closed(BaseModel):
    """The part of a summary that shows which sites were accepted, and when."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run_id: RunId
    started_at: AwareDatetime
    duration_s: float
    simulated: bool = False
    question: str = DEFAULT
    sites: list[_Site]


def accepted_since(source: Source, *, simulated: bool) -> Callable[[datetime, set[str]], Accepted]:
    """Searches the runs of one kind that may have ended after a given moment. Raises what `source` raises."""

    def look(since: datetime, site_ids: set[str]) -> Accepted:
        def accepted_in(name: str) -> list[tuple[About, datetime, RunId]]:
            try:
                run = _Closed.model_validate_json(source.get(summary_key(name)) or b"")
                ended = run.started_at + timedelta(seconds=run.duration_s)
            except (ValidationError, OverflowError):  # not closed, or not readable: it settles no miss
                return []
            if run.run_id != name or run.simulated != simulated or ended <= since:  # another name: a copied folder
                return []
            return [
                ((site.site_id, site.question or run.question), ended, name)
                for site in run.sites
                if site.accepted and site.site_id in site_ids
            ]

        accepted: dict[About, tuple[datetime, RunId]] = {}
        names = [name for name in source.run_ids() if may_have_ended_after(name, since)]
        with ThreadPoolExecutor(READERS) as readers:
            for of_run in readers.map(accepted_in, names):
                for about, ended, run_id in of_run:
                    if about not in accepted or accepted[about][0] < ended:
                        accepted[about] = (ended, run_id)
        return accepted

    return look


def may_have_ended_after(name: str, moment: datetime) -> bool:
    """Judged by the day in the run's name, if it has one. A run may end on the next day, and time zones differ."""
    found = _DAY.search(name)
    if found is None:
        return True
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
    except ValueError:
        return True
    return day + timedelta(days=3) >= moment  # a damaged miss may have a moment without days before it
