"""What happened to the misses of a run: the redrives that asked them again note it in `runs/<run_id>/redriven.json`.

If a redrive misses a site again, the next miss names the redrive's run. So the note goes to every run that missed the
site, back to the first one.
"""

from collections.abc import Callable, Mapping, Set
from typing import Literal, Protocol

from pydantic import AwareDatetime, Field, ValidationError

from nightfold.contract import Plan, Summary
from nightfold.misses import WaitingMessage
from nightfold.sites import RunId, Shape, SiteId
from nightfold.storage import plan_key, redriven_key, summary_key

Read = Callable[[str], bytes | None]


class Redriven(Shape):
    """One site of a redrive."""

    run_id: RunId  # the redrive's; for a site that was already accepted when it began, the run that accepted it
    outcome: Literal["accepted", "missed", "parked"]
    at: AwareDatetime  # when the redrive began

    @property
    def accepted(self) -> bool:
        return self.outcome == "accepted"


class RedrivenSites(Shape):
    """`redriven.json`."""

    schema_version: Literal[1] = 1
    sites: dict[SiteId, Redriven] = Field(default_factory=dict)


def read_redriven(run_id: str, read: Read) -> dict[str, Redriven]:
    """What has happened to the misses of a run so far, by site; empty if nothing is noted or it cannot be read."""
    try:
        return dict(RedrivenSites.model_validate_json(read(redriven_key(run_id)) or b"{}").sites)
    except ValidationError:
        return {}


def collected_later(summary: Summary, redriven: Mapping[str, Redriven]) -> dict[str, str]:
    """The misses of a run that a redrive has collected: the site and the redrive's run."""
    later = {site.site_id: redriven.get(site.site_id) for site in summary.sites if not site.accepted}
    return {site_id: each.run_id for site_id, each in later.items() if each is not None and each.accepted}


def origins(plan: Plan, read: Read) -> dict[str, set[str]]:
    """The closed runs that a redrive's misses came from, each with its sites: the runs named in its messages and, if
    these were redrives, the runs before them."""
    found: dict[str, set[str]] = {}
    waiting = [(plan, set(_messages(plan)))]
    while waiting:
        later, site_ids = waiting.pop()
        messages = _messages(later)
        before: dict[str, set[str]] = {}
        for site_id in site_ids & messages.keys():
            for message in messages[site_id]:
                if message.run_id is not None and message.run_id != plan.run_id:
                    before.setdefault(message.run_id, set()).add(site_id)
        for run_id, of_run in before.items():
            new = of_run - found.get(run_id, set())
            earlier = _closed(run_id, read) if new else None
            if earlier is not None:
                found.setdefault(run_id, set()).update(new)
                waiting.append((earlier, new))
    return found


def _messages(plan: Plan) -> dict[str, list[WaitingMessage]]:
    """Of each site that the redrive decided about. A site that it asked may have a miss that it could not ask, too."""
    unlisted = {site.miss.site.site_id: site.messages for site in plan.unlisted}
    return unlisted | {site.site_id: site.messages for site in plan.settled} | plan.messages


def _closed(run_id: str, read: Read) -> Plan | None:
    try:
        plan = Plan.model_validate_json(read(plan_key(run_id)) or b"")
    except ValidationError:
        return None
    return plan if read(summary_key(run_id)) is not None else None


class Notes(Protocol):
    """Where the notes are kept: the bucket."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, body: bytes) -> None: ...


def note(summary: Summary, parked: Set[str], of_runs: Mapping[str, set[str]], bucket: Notes) -> None:
    """Notes in each of the runs how its sites ended in this redrive. An acceptance stays, or else the newest counts."""
    run_id, at = summary.run_id, summary.started_at
    results = {site_id: Redriven(run_id=run_id, outcome="parked", at=at) for site_id in summary.unlisted}
    for settled in summary.settled:
        results[settled.site_id] = Redriven(run_id=settled.accepted_in, outcome="accepted", at=at)
    for site in summary.sites:
        missed: Literal["missed", "parked"] = "parked" if site.site_id in parked else "missed"
        results[site.site_id] = Redriven(run_id=run_id, outcome="accepted" if site.accepted else missed, at=at)
    for earlier, site_ids in of_runs.items():
        noted = read_redriven(earlier, bucket.get)
        for site_id in site_ids & results.keys():
            both = [each for each in (noted.get(site_id), results[site_id]) if each is not None]
            noted[site_id] = max(both, key=lambda each: (each.accepted, each.at))
        bucket.put(redriven_key(earlier), RedrivenSites(sites=noted).model_dump_json().encode())
