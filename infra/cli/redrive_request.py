"""What a redrive will be asked to do, worked out from the state directory's files with the planner's own code."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.cli.configuration import configuration_text, configured
from infra.cli.invocation import redrive_of, suggest
from infra.cli.run_request import (
    RunRequest,
    check_state_dir,
    run_name,
    task,
)
from infra.cli.site_list import SiteListFile
from infra.state.folder import Folder
from infra.state.queued_misses import MAX_RECEIVES, read_messages
from infra.state.unfinished_runs import Closing, closing_of, unfinished_runs
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
    state_dir: Path, overrides: Mapping[str, Any], speed: float = 1.0, *, simulated: bool = False
) -> RunRequest:
    """A run over the waiting misses. Raises InvalidInput."""
    check_state_dir(state_dir)
    overrides, configuration = configured(state_dir, overrides, speed, always=simulated)
    site_list = Folder(state_dir).get(SITES_KEY)
    if site_list is None:  # no run has stored one yet
        site_list = SiteListFile(state_dir).read()
    sites = read_sites(site_list, str(state_dir / SITES_KEY))
    check_one_site(sites, configuration)
    runs = list(unfinished_runs(state_dir))
    waiting = sort_messages(
        _expected_messages(state_dir, [closing_of(state_dir, run) for run in runs]),
        simulated=simulated,
        site_list=sites,
        accepted_since=accepted_since(Folder(state_dir), simulated=simulated),
    )
    name = run_name("redrive")
    plan = draft_redrive(
        name,
        waiting,
        configuration_text(state_dir),
        overrides,
        task(name),
        simulated=simulated,
        profile=noted(Folder(state_dir)),
        speed=speed,
    )
    request = RunRequest(name, overrides, plan, site_list, unfinished=runs, other_kind=len(waiting.other_kind))
    if request.other_kind and not runs and not plan.received:
        raise InvalidInput(f"redrive: {other_kind(request, state_dir)}")
    return request


def _expected_messages(state_dir: Path, closings: Sequence[Closing]) -> Iterator[Received]:
    """The messages that the redrive will find in the queue after it has closed the unfinished runs."""
    acknowledged = frozenset[str]().union(*(closing.acknowledged for closing in closings))
    for message in read_messages(state_dir, "waiting"):
        if message.received < MAX_RECEIVES and message.message_id not in acknowledged:
            yield Received(message.message_id, "", message.body)
    for closing in closings:
        for miss in closing.misses:
            if not miss.worn_out:
                yield Received(f"{miss.run_id}/{miss.site.site_id}", "", miss.model_dump_json())


def other_kind(request: RunRequest, state_dir: Path) -> str:
    """The misses that this redrive leaves in the queue, why, and how to collect them."""
    if request.plan.simulated:
        return (
            f"{counted(request.other_kind, 'real miss')} left in the queue: a simulated redrive would store invented "
            "candidates. To collect: export ANTHROPIC_API_KEY=sk-ant-…, and omit --simulate"
        )
    return (
        f"{counted(request.other_kind, 'simulated miss')} left in the queue: a real redrive would pay for answers to "
        f"a simulation. To collect: {suggest(redrive_of(simulated=True), state_dir)}"
    )
