"""Drafts a plan before anything is claimed. The command line uses it too, to show a plan before it starts the run."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from types import MappingProxyType
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from nightfold.branch import SiteTask
from nightfold.contract import Plan
from nightfold.errors import InvalidInput
from nightfold.observability import log_step
from nightfold.question import load
from nightfold.settings import RunConfiguration
from nightfold.sites import Site
from nightfold.waves import Profile, believed
from planner.budget import check_ceiling, worst_case
from planner.expectation import expect
from planner.inputs import Mode, check_facts, configure
from planner.waiting import Waiting


class PlanTask(BaseModel):
    """The planner's event: the execution's context object, as PlanRun passes it on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    execution_id: str
    execution_name: str
    started_at: AwareDatetime
    input: Any


def draft(
    run_id: str,
    mode: Mode,
    sites: Sequence[Site],
    configuration: RunConfiguration,
    task: PlanTask,
    *,
    simulated: bool,
    overrides: Mapping[str, Any],
    profile: Profile,
    speed: float = 1.0,
    questions: Mapping[str, str] = MappingProxyType({}),
    where: str = "sites",
    **of_redrive: Any,
) -> Plan:
    """The plan with its worst case and, by `profile`, with what is expected; `speed` is that of a simulated API.
    `questions` and `of_redrive` are the plan's further fields; `where` is what an error calls the site list. Raises
    InvalidInput for a missing fact, too few tokens, or a ceiling under the cost of one answer."""
    check_facts(sites, lambda site_id: questions.get(site_id, configuration.question), where)
    most = worst_case(sites, configuration, questions)
    check_ceiling(sites, configuration, len(sites), questions)
    carried = believed(profile, configuration.model, task.started_at, simulated=simulated)
    return Plan(
        run_id=run_id,
        mode=mode,
        execution_id=task.execution_id,
        started_at=task.started_at,
        configuration=configuration,
        sites=list(sites),
        worst_case=most,
        expected=expect(len(sites), configuration, carried, speed),
        simulated=simulated,
        overrides=dict(overrides),
        questions=dict(questions),
        **of_redrive,
    )


def draft_redrive(
    run_id: str, waiting: Waiting, parameter: str, overrides: Mapping[str, Any], task: PlanTask, **about: Any
) -> Plan:
    """The plan of a redrive. What the missed run was started with applies again, under the redrive's own `overrides`;
    where that no longer fits the configuration, only its cost ceiling does. `about` is as in `draft`. Raises
    InvalidInput."""
    of_missed = {name: value for name, value in waiting.overrides.items() if _is_valid(name, value)}
    of_missed.pop("question", None)  # each site has that of its own miss
    ceiling = {name: value for name, value in of_missed.items() if name == "cost_ceiling_usd"}
    try:
        return _drafted(run_id, waiting, parameter, of_missed | dict(overrides), task, **about)
    except InvalidInput:
        if of_missed == ceiling:
            raise
        log_step("plan", run_id=run_id, error="OverridesOfMissedRunLeftOut", fields=sorted(of_missed))
        return _drafted(run_id, waiting, parameter, ceiling | dict(overrides), task, **about)


def _drafted(
    run_id: str, waiting: Waiting, parameter: str, overrides: Mapping[str, Any], task: PlanTask, **about: Any
) -> Plan:
    asked = {*waiting.questions.values()}
    only = {"question": asked.pop()} if len(asked) == 1 else {}  # then it is the run's own, whatever nights ask now
    configuration = configure(parameter, {**overrides, **only})
    return draft(
        run_id,
        "redrive",
        waiting.sites,
        configuration,
        task,
        **about,
        overrides=overrides,
        messages=waiting.messages,
        attempts=waiting.attempts,
        questions={name: asked for name, asked in waiting.questions.items() if asked != configuration.question},
        settled=waiting.settled,
        unlisted=waiting.unlisted,
        unrecognized=waiting.unrecognized,
    )


def _is_valid(name: str, value: Any) -> bool:
    """Whether the configuration has such a field today: a miss may be two weeks old."""
    try:
        RunConfiguration.model_validate({name: value})
    except ValidationError:
        return False
    return True


def check_one_site(site_list: Sequence[Site], configuration: RunConfiguration) -> None:
    """Raises InvalidInput if the configuration cannot run even one site; then a redrive receives nothing."""
    check_ceiling(site_list, configuration, 1)


def items(plan: Plan, earlier: Iterable[Sequence[str]] = repeat(())) -> bytes:
    """`items.json` of round 1: one SiteTask per site, from which PaceRun takes the waves. `earlier`: of each site, the
    headings that were accepted before."""
    if not plan.sites:
        return b"[]"
    tokens = plan.configuration.tokens(len(plan.sites))
    document = bytearray()
    for site, told in zip(plan.sites, earlier, strict=False):
        question = load(plan.question_of(site.site_id))
        task = SiteTask.for_site(site, plan.run_id, 1, plan.configuration, tokens, question, told)
        document += (b"," if document else b"[") + task.model_dump_json().encode()
    return bytes(document + b"]")
