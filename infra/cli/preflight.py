"""What is checked before anything starts, with the planner's own code: sites, configuration, budget, ceiling.

Everything that is wrong is an InvalidInput that names the field.
"""

import json
import math
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from infra.state import regular_files
from infra.state.unfinished_runs import UnfinishedRun
from nightfold.budget import branches_at_once, share
from nightfold.contract import Plan
from nightfold.errors import InvalidInput
from nightfold.settings import RunConfiguration
from planner.draft import PlanTask, draft
from planner.inputs import configure, narrow, read_sites

ROOT = Path(__file__).parents[2]
SITES = Path("events/sites.json")


@dataclass(frozen=True)
class Selection:
    """Which sites a run is for: those of a file, or of the default list; only these of them; the first so many."""

    file: Path | None = None
    only: Sequence[str] | None = None
    limit: int | None = None

    @property
    def path(self) -> Path:
        return self.file or here_or_in_repository(SITES)

    @property
    def named(self) -> str:
        """The file as an error message names it."""
        return f"--sites {self.file}" if self.file else str(self.path)

    @property
    def execution_input(self) -> dict[str, Any]:
        only = {} if self.only is None else {"only": list(self.only)}
        return only if self.limit is None else only | {"limit": self.limit}


@dataclass(frozen=True)
class Order:
    """What an execution is asked to do. `plan` is what PlanRun will make of it, as far as one can know beforehand."""

    name: str  # of the execution, and the run's id
    overrides: Mapping[str, Any]  # fields of the configuration, for this run alone
    plan: Plan
    site_list: bytes | None = None  # the file as it is
    narrowed: Mapping[str, Any] = field(default_factory=dict)  # `only` and `limit`
    unfinished: Sequence[UnfinishedRun] = ()  # that a redrive closes first
    other_kind: int = 0  # messages that a redrive leaves: simulated misses of a real one, or the other way round

    @property
    def execution_input(self) -> dict[str, Any]:
        return {"mode": self.plan.mode, **self.narrowed, **self.overrides}

    @property
    def at_once(self) -> int:
        return branches_at_once(len(self.plan.sites), self.plan.configuration.max_concurrency)

    @property
    def tokens_each(self) -> int:
        return share(self.plan.configuration.output_token_budget, self.at_once) if self.plan.sites else 0


def order_collection(
    state_dir: Path, selection: Selection, overrides: Mapping[str, Any], speed: float = 1.0, *, simulated: bool = False
) -> Order:
    """A run over the site list. Raises InvalidInput."""
    check_state_dir(state_dir)
    site_list = read_file(selection.path, selection.named)
    sites = narrow(read_sites(site_list, selection.named), selection.only, selection.limit, "--only")
    overrides, configuration = configured(state_dir, overrides, speed)
    name = run_name("manual")
    plan = draft(name, "collect", sites, configuration, task(name), simulated=simulated, overrides=overrides)
    return Order(name, overrides, plan, site_list, selection.execution_input)


def configuration_text(state_dir: Path) -> str:
    """What the configuration parameter will hold when a run reads it: the state directory's, or else the template's.

    A file that still holds what an older template had, and that nobody has edited, follows the template.
    """
    try:
        text = regular_files.read_file(file := state_dir / "configuration.json").decode("utf-8", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return _default_configuration()
    except OSError as error:
        raise InvalidInput(f"configuration: {file} cannot be read ({error.strerror})") from None
    try:
        deployed = json.loads(regular_files.read_file(state_dir / "state.json"))["deployed"]["configuration.json"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return text
    return _default_configuration() if text == deployed else text


def _default_configuration() -> str:
    yaml = import_module("samtranslator.yaml_helper")  # it knows CloudFormation's tags, and has no types
    template: dict[str, Any] = yaml.yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
    return str(template["Resources"]["Configuration"]["Properties"]["Value"])


def configured(
    state_dir: Path, overrides: Mapping[str, Any], speed: float, *, always: bool = False
) -> tuple[dict[str, Any], RunConfiguration]:
    """The overrides and the configuration under them. In a faster endpoint requests time out sooner. `always`: the
    time-out is among the overrides in any case, so that none of an earlier run, at another speed, takes its place."""
    text = configuration_text(state_dir)
    try:
        configure(text, {})
    except InvalidInput as error:
        raise InvalidInput(f"{state_dir / 'configuration.json'}: {error}") from None
    configuration = configure(text, dict(overrides))
    if speed == 1 and not always:
        return dict(overrides), configuration
    timeout_s = min(max(math.ceil(configuration.request_timeout_s / speed), 1), 600)
    faster = dict(overrides) | {"request_timeout_s": timeout_s}
    return faster, configure(text, faster)


def run_name(kind: str) -> str:
    return f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def task(name: str) -> PlanTask:
    return PlanTask(execution_id="not started yet", execution_name=name, started_at=datetime.now(UTC), input={})


def check_state_dir(state_dir: Path) -> None:
    """Whether a state directory can be there. What is in it is the embedded cloud's to judge."""
    if state_dir.exists() and not state_dir.is_dir():
        raise InvalidInput(f"--state-dir: {state_dir} is not a directory")


def check_writable(state_dir: Path) -> None:
    """Whether a run can make or write the state directory."""
    there = next(folder for folder in (state_dir.absolute(), *state_dir.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise InvalidInput(f"--state-dir: {state_dir} cannot be made or written: {there} does not allow it")


def read_file(path: Path, named: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{named}: cannot be read ({error.strerror})") from None


def here_or_in_repository(path: Path) -> Path:
    """A default file: the current directory's, or else the repository's."""
    return path if path.exists() else ROOT / path
