"""Everything that a run has stored in the bucket, read into one object. The aggregator has judged it already."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from nightfold.branch import SiteTask, SiteTasks
from nightfold.contract import MissedByReason, Plan, SiteSummary, Summary
from nightfold.errors import UnexpectedError
from nightfold.misses import Miss
from nightfold.question import DEFAULT, Question, shown
from nightfold.results import SiteResults, read_results
from nightfold.storage import Source, items_key, misses_key, outcome_key, plan_key, results_key, summary_key
from nightfold.stored import read_outcome
from nightfold.waves import Pace, read_paces
from reporter.branch import Branch
from reporter.redriven import Redriven, collected_later, origins, read_redriven

READERS = 16  # objects that are read at once
RUNS_KEPT = 30  # runs that the history shows
HEADS = 90  # summaries that are read to find them: names contain the day, not always the hour

_DAY = re.compile(r"(20\d\d)-?(\d\d)-?(\d\d)(?:T(\d{6}))?")


class PastRun(BaseModel):
    """A summary without its sites."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run_id: str
    mode: Literal["collect", "redrive"]
    status: Literal["complete", "partial", "failed"]
    planned: int
    accepted: int
    missed: MissedByReason
    cost_usd: float | None
    duration_s: float
    started_at: AwareDatetime
    simulated: bool = False
    question: str = DEFAULT


@dataclass(frozen=True)
class RunRecords:
    """All records of one run."""

    summary: Summary
    plan: Plan
    branches: list[Branch]  # that a wave began, in the order of the plan, round by round
    results: dict[str, SiteResults]  # of the accepted sites
    misses: list[Miss]
    history: list[PastRun]  # oldest first, this run among them
    paces: list[Pace] = field(default_factory=list)  # the decisions about its waves, both rounds
    redriven: dict[str, Redriven] = field(default_factory=dict)  # by site: what happened to its misses in redrives
    origins: dict[str, set[str]] = field(default_factory=dict)  # of a redrive: the runs that its misses came from

    def question_of(self, site_id: str) -> Question:
        """What the site was asked."""
        entries = self.results[site_id].entries if site_id in self.results else []
        return shown(self.plan.question_of(site_id), entries[0] if entries else None)

    @property
    def question(self) -> Question:
        """What the run asked. (A morning asks each of its misses its own question.)"""
        asked = {site.question or self.summary.question for site in self.summary.sites}
        name = asked.pop() if len(asked) == 1 else self.summary.question
        example = next(
            (each.entries[0] for each in self.results.values() if each.question == name and each.entries), None
        )
        return shown(name, example)

    @cached_property
    def collected_later(self) -> dict[str, str]:
        """The misses that a redrive has collected: the site and the redrive's run."""
        return collected_later(self.summary, self.redriven)

    @property
    def misses_left(self) -> list[Miss]:
        """The misses that no redrive has collected."""
        return [miss for miss in self.misses if miss.site.site_id not in self.collected_later]

    @cached_property
    def parked(self) -> list[str]:
        """The misses that no redrive asks for again."""
        own = [miss.site.site_id for miss in self.misses if miss.worn_out]
        later = [site_id for site_id, later in self.redriven.items() if later.outcome == "parked"]
        return [site_id for site_id in dict.fromkeys(own + later) if site_id not in self.collected_later]

    @property
    def waiting(self) -> int:
        """The misses that the next redrive asks for."""
        return self.summary.planned - self.summary.accepted - len(self.collected_later) - len(self.parked)


def read_records(run_id: str, source: Source) -> RunRecords:
    """Raises UnexpectedError if the run has no census yet, or no plan."""
    closed, planned = source.get(summary_key(run_id)), source.get(plan_key(run_id))
    if closed is None or planned is None:
        raise UnexpectedError(f"run {run_id} has no {'summary' if closed is None else 'plan'}")
    summary = Summary.model_validate_json(closed)
    rounds = [SiteTasks.validate_json(source.get(items_key(run_id, round_)) or b"[]") for round_ in (1, 2)]
    again = {task.site_id for task in rounds[1]}
    accepted = {site.site_id for site in summary.sites if site.accepted}

    not_begun = {site.site_id for site in summary.sites if site.error == "NotAttempted"}
    begun = [
        task for task in chain(*rounds) if task.site_id not in not_begun or (task.round == 1 and task.site_id in again)
    ]

    def branch(task: SiteTask) -> Branch:
        outcome = read_outcome(source.get(outcome_key(run_id, task.round, task.site_id)))
        last = task.round == 2 or task.site_id not in again
        answered = outcome is not None and outcome.answer is not None
        return Branch(task, outcome, rejected=answered and not (last and task.site_id in accepted))

    def results(site: SiteSummary) -> tuple[str, SiteResults]:
        asked = site.question or summary.question
        nothing = SiteResults(run_id=run_id, site_id=site.site_id, question=asked, round=1, entries=[])
        return site.site_id, read_results(source.get(results_key(run_id, site.site_id))) or nothing

    with ThreadPoolExecutor(READERS) as readers:
        branches = list(readers.map(branch, begun))
        kept = dict(readers.map(results, [site for site in summary.sites if site.accepted]))
        history = _history(source, summary, readers)
    plan = Plan.model_validate_json(planned)
    return RunRecords(
        summary=summary,
        plan=plan,
        branches=branches,
        results=kept,
        misses=list(_misses(source.get(misses_key(run_id)))),
        history=history,
        paces=[*read_paces(source, run_id, 1), *read_paces(source, run_id, 2)],
        redriven=read_redriven(run_id, source.get),
        origins=origins(plan, source.get),
    )


def _misses(document: bytes | None) -> Iterator[Miss]:
    for line in (document or b"").split(b"\n"):
        try:
            yield Miss.model_validate_json(line)
        except ValidationError:
            continue


def _history(source: Source, summary: Summary, readers: ThreadPoolExecutor) -> list[PastRun]:
    """The last runs with the same question up to this one. Names show which summaries are worth reading, summaries show
    the order."""
    newest = sorted(source.run_ids(), key=_day_of, reverse=True)[:HEADS]
    runs = {
        past.run_id: past for past in readers.map(lambda each: _past(source.get(summary_key(each))), newest) if past
    }
    runs[summary.run_id] = PastRun.model_validate(summary.model_dump(exclude={"sites"}))
    earlier = [
        past for past in runs.values() if past.started_at <= summary.started_at and past.question == summary.question
    ]
    return sorted(earlier, key=lambda past: past.started_at)[-RUNS_KEPT:]


def _past(document: bytes | None) -> PastRun | None:
    try:
        return None if document is None else PastRun.model_validate_json(document)
    except ValidationError:
        return None


def _day_of(run_id: str) -> str:
    """Sorts runs by the day in their names; a name without one may be of any day, and comes first."""
    found = _DAY.search(run_id)
    return "".join(part or "" for part in found.groups()) if found else "3"
