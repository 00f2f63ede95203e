"""The options that several commands share. A group of options that belong together arrives as one value."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from infra.cli.terminal import STATE_DIR

type Command = Callable[..., Any]

a_path = click.Path(path_type=Path)
state_dir_option = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=STATE_DIR,
    show_default=True,
    help="Where bucket, queues and configuration are kept.",
)
quiet_option = click.option(
    "--quiet", is_flag=True, help="Show no progress, and no result when every site was accepted: for cron."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")


def simulation_options(command: Command) -> Command:
    """Adds the options of the simulated Messages API; the command receives `simulation`, a Simulation."""

    @click.option("--simulate", is_flag=True, help="Use the simulated Messages API, as every run without a key does.")
    @click.option("--scenario", type=a_path, help="What the simulated API does, call by call. Implies --simulate.")
    @click.option("--seed", type=int, help="Draws the simulated latencies and texts.  [default: 0]")
    @click.option(
        "--speed",
        type=float,
        help="How much faster than real time the simulated API is.  [default: as the scenario says]",
    )
    @wraps(command)
    def with_simulation(
        *, simulate: bool, scenario: Path | None, seed: int | None, speed: float | None, **others: Any
    ) -> Any:
        from infra.messages_api.endpoint import Simulation

        return command(simulation=Simulation(simulate, scenario, seed, speed), **others)

    return with_simulation


def selection_options(command: Command) -> Command:
    """Adds the site list and the options that narrow it; the command receives `selection`, a Selection."""

    @click.option("--sites", type=a_path, help="The site list, a JSON array.  [default: events/sites.json]")
    @click.option("--only", metavar="ID", multiple=True, help="Only this site of the list; may be repeated.")
    @click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Only the first N sites.")
    @wraps(command)
    def with_selection(*, sites: Path | None, only: tuple[str, ...], limit: int | None, **others: Any) -> Any:
        from infra.cli.preflight import Selection

        return command(selection=Selection(sites, only or None, limit), **others)

    return with_selection


def configuration_options(command: Command) -> Command:
    """Adds the options of the configuration; the command receives `overrides`, fields for this run."""

    @click.option("--concurrency", metavar="N", help="Branches at once; also the environment's MAX_CONCURRENCY.")
    @click.option("--set", "settings", metavar="FIELD=VALUE", multiple=True, help="Another field of the configuration.")
    @wraps(command)
    def with_overrides(*, concurrency: str | None, settings: tuple[str, ...], **others: Any) -> Any:
        from infra.cli.overrides import overrides_of

        return command(overrides=overrides_of(concurrency, settings, os.environ), **others)

    return with_overrides
