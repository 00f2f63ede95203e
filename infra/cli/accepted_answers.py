"""What runs have accepted, of nights and mornings together, from the records of a laptop or of a stack.

Of every run only the plan is read, without its sites: it tells what each site was asked. Results are read of the chosen
sites alone.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ValidationError

from nightfold.memory import known_as
from nightfold.question import DEFAULT, shown
from nightfold.results import read_results
from nightfold.storage import Source, plan_key, results_key, results_prefix

READERS = 16  # objects that are read at once


class _Configuration(BaseModel):
    question: str = DEFAULT


class _Plan(BaseModel):
    run_id: str
    started_at: AwareDatetime
    simulated: bool = False
    configuration: _Configuration
    questions: dict[str, str] = {}  # of sites that are not asked the run's own


@dataclass(frozen=True)
class AcceptingRun:
    """A run that has accepted something."""

    run_id: str
    started_at: datetime
    simulated: bool
    site_ids: frozenset[str]
    question: str
    other_questions: dict[str, str]

    @property
    def day(self) -> date:
        return self.started_at.astimezone().date()

    def question_of(self, site_id: str) -> str:
        return self.other_questions.get(site_id, self.question)


@dataclass(frozen=True)
class AcceptedAnswer:
    """What one run accepted for one site."""

    site_id: str
    question: str
    run: AcceptingRun
    entries: Sequence[dict[str, Any]]
    new: Sequence[bool]  # of each entry: no older run has its heading


@dataclass(frozen=True)
class Choice:
    """Which answers are wanted."""

    simulated: bool
    site_ids: frozenset[str] | None = None  # None: all
    question: str | None = None  # None: all
    since: date | None = None  # of the local time zone
    every: bool = False  # False: only the newest of each site and question


def accepting_runs(records: Source) -> list[AcceptingRun]:
    """Oldest first. What is not a run is skipped."""
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(lambda run_id: _accepting(records, run_id), list(records.run_ids()))
        return sorted(filter(None, found), key=lambda run: (run.started_at, run.run_id))


def _accepting(records: Source, run_id: str) -> AcceptingRun | None:
    try:
        plan = _Plan.model_validate_json(records.get(plan_key(run_id)) or b"")
    except ValidationError:
        return None
    prefix = results_prefix(run_id)
    names = (key.removeprefix(prefix) for key in records.keys(prefix))
    site_ids = frozenset(name.removesuffix(".json") for name in names if name.endswith(".json"))
    if plan.run_id != run_id or not site_ids:  # another id: the folder is a copy
        return None
    return AcceptingRun(run_id, plan.started_at, plan.simulated, site_ids, plan.configuration.question, plan.questions)


def accepted_answers(records: Source, runs: Sequence[AcceptingRun], choice: Choice) -> Iterator[AcceptedAnswer]:
    """The chosen answers by question and site, the newest first."""
    of_site: dict[tuple[str, str], list[AcceptingRun]] = {}
    for run in runs:
        if run.simulated == choice.simulated:
            wanted = run.site_ids if choice.site_ids is None else run.site_ids & choice.site_ids
            for site_id in wanted:
                of_site.setdefault((run.question_of(site_id), site_id), []).append(run)
    chosen = sorted(about for about in of_site if choice.question in (None, about[0]))
    with ThreadPoolExecutor(READERS) as readers:
        for its in readers.map(lambda about: list(_answers(records, about[0], about[1], of_site[about])), chosen):
            answers = [answer for answer in its if choice.since is None or answer.run.day >= choice.since]
            yield from reversed(answers if choice.every else answers[-1:])


def _answers(records: Source, question: str, site_id: str, runs: Sequence[AcceptingRun]) -> Iterator[AcceptedAnswer]:
    """Oldest first, as `runs` are."""
    known: set[str] = set()
    for run in runs:
        results = read_results(records.get(results_key(run.run_id, site_id)))
        if results is None or not results.entries:
            continue
        heading = shown(question, results.entries[0]).heading
        spelled = [known_as(str(entry.get(heading, ""))) for entry in results.entries]
        yield AcceptedAnswer(site_id, question, run, results.entries, [each not in known for each in spelled])
        known.update(spelled)
