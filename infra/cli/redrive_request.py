"""What a redrive will be asked to do, worked out from what is stored with the planner's own code."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.cli.configuration import configured
from infra.cli.installation import Installation
from infra.cli.run_request import RunRequest, run_name, task
from infra.cli.unfinished_runs import Closing, PassedOver, UnfinishedRun, closing_of
from nightfold.amounts import counted
from nightfold.errors import InvalidInput
from nightfold.storage import SITES_KEY
from nightfold.waves import noted
from planner.accepted import accepted_since
from planner.draft import check_one_site, draft_redrive
from planner.inputs import read_sites
from planner.miss_queue import Received
from planner.waiting import sort_messages


def request_redrive(
    at: Installation, overrides: Mapping[str, Any], speed: float = 1.0, *, simulated: bool = False
) -> RunRequest:
    """A run over the waiting misses. Raises InvalidInput."""
    overrides, configuration = configured(at.configuration, overrides, speed, always=simulated)
    site_list, named = at.records.get(SITES_KEY), at.shown(SITES_KEY)
    if site_list is None:  # no run has stored one yet
        site_list, named = at.site_list.read(), at.site_list.where
    sites = read_sites(site_list, named)
    check_one_site(sites, configuration)
    found = list(at.open_runs())
    runs = [run for run in found if isinstance(run, UnfinishedRun)]
    waiting = sort_messages(
        _expected_messages(at, [closing_of(at.records, run) for run in runs]),
        simulated=simulated,
        site_list=sites,
        accepted_since=accepted_since(at.records, simulated=simulated),
    )
    name = run_name("redrive")
    plan = draft_redrive(
        name,
        waiting,
        at.configuration.read(),
        overrides,
        task(name),
        simulated=simulated,
        profile=noted(at.records),
        speed=speed,
    )
    request = RunRequest(
        name,
        overrides,
        plan,
        site_list,
        unfinished=runs,
        passed_over=[run for run in found if isinstance(run, PassedOver)],
        other_kind=len(waiting.other_kind),
    )
    if request.other_kind and not runs and not plan.received:
        raise InvalidInput(f"redrive: {other_kind(request, at)}")
    return request


def _expected_messages(at: Installation, closings: Sequence[Closing]) -> Iterator[Received]:
    """The messages that the redrive will find in the queue after it has closed the unfinished runs."""
    yield from at.waiting(closings)
    for closing in closings:
        for miss in closing.misses:
            if not miss.worn_out:
                yield Received(f"{miss.run_id}/{miss.site.site_id}", "", miss.model_dump_json())


def other_kind(request: RunRequest, at: Installation) -> str:
    """The misses that this redrive leaves in the queue, why, and how to collect them."""
    if request.plan.simulated:
        return (
            f"{counted(request.other_kind, 'real miss')} left in the queue: a simulated redrive would store invented "
            "candidates. To collect: export ANTHROPIC_API_KEY=sk-ant-…, and omit --simulate"
        )
    return (
        f"{counted(request.other_kind, 'simulated miss')} left in the queue: a real redrive would pay for answers to "
        f"a simulation. To collect: {at.redrive(simulated=True)}"
    )
