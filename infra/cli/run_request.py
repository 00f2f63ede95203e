"""What a run is asked to do, checked with the planner's own code before anything starts.

Every mistake in the site list, the configuration or the options is an InvalidInput that names the field.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.cli.configuration import configured
from infra.cli.installation import Installation, SiteList
from infra.cli.unfinished_runs import PassedOver, UnfinishedRun
from nightfold.budget import branches_at_once
from nightfold.contract import Plan
from nightfold.settings import AUTO
from nightfold.waves import noted
from planner.draft import PlanTask, draft
from planner.inputs import narrow, read_sites


@dataclass(frozen=True)
class Selection:
    """The sites of a run: a list, and the options that narrow it."""

    file: Path | None = None  # None is the stored list
    only: Sequence[str] | None = None
    limit: int | None = None

    def read(self, stored: SiteList) -> tuple[bytes, str]:
        """The list, and what an error message calls it: the file, or what is `stored`. Raises InvalidInput."""
        if self.file is None:
            return stored.read(), stored.where
        return stored.instead(self.file), f"--sites {self.file}"

    @property
    def execution_input(self) -> dict[str, Any]:
        only = {} if self.only is None else {"only": list(self.only)}
        return only if self.limit is None else only | {"limit": self.limit}


@dataclass(frozen=True)
class RunRequest:
    """What an execution is asked to do. `plan` is a preview of what PlanRun will write."""

    name: str  # of the execution, and the run's id
    overrides: Mapping[str, Any]  # fields of the configuration, for this run alone
    plan: Plan
    site_list: bytes | None = None  # what the run puts into the bucket, unchanged
    narrowed: Mapping[str, Any] = field(default_factory=dict)  # `only` and `limit`
    unfinished: Sequence[UnfinishedRun] = ()  # runs that a redrive closes first
    passed_over: Sequence[PassedOver] = ()  # folders that it leaves alone
    other_kind: int = 0  # messages that a redrive leaves: simulated misses if it is real, real ones if it is simulated

    @property
    def execution_input(self) -> dict[str, Any]:
        return {"mode": self.plan.mode, **self.narrowed, **self.overrides}

    @property
    def at_once(self) -> int:
        """At most: with `auto` the run finds the number."""
        configuration = self.plan.configuration
        most = (
            configuration.concurrency_limit if configuration.max_concurrency == AUTO else configuration.max_concurrency
        )
        return branches_at_once(len(self.plan.sites), most)

    @property
    def tokens_each(self) -> int:
        return self.plan.configuration.tokens(len(self.plan.sites)) if self.plan.sites else 0


def request_run(
    at: Installation,
    selection: Selection,
    overrides: Mapping[str, Any],
    speed: float = 1.0,
    *,
    simulated: bool = False,
    kind: str = "manual",
) -> RunRequest:
    """A run over the site list; its name begins with `kind`. Raises InvalidInput."""
    site_list, named = selection.read(at.site_list)
    sites = narrow(read_sites(site_list, named), selection.only, selection.limit, "--only")
    overrides, configuration = configured(at.configuration, overrides, speed)
    name = run_name(kind)
    plan = draft(
        name,
        "collect",
        sites,
        configuration,
        task(name),
        simulated=simulated,
        overrides=overrides,
        profile=noted(at.records),
        speed=speed,
        where=named,
    )
    return RunRequest(name, overrides, plan, site_list, selection.execution_input)


def run_name(kind: str) -> str:
    return f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def task(name: str) -> PlanTask:
    """The planner's input for a preview."""
    return PlanTask(execution_id="not started yet", execution_name=name, started_at=datetime.now(UTC), input={})
