"""The options that several commands share. A decorator passes a group of options to the command as one value."""

import os
import re
from collections.abc import Callable, Mapping
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
    help="Where the bucket, queues and configuration are stored.",
)
quiet_option = click.option(
    "--quiet", is_flag=True, help="Show no progress, and no result if every site was accepted. For cron."
)
detach_option = click.option(
    "--detach", is_flag=True, help="Of a deployed stack: start it, and do not wait for its end."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print only JSON on stdout.")


def _a_stack(context: click.Context, option: click.Parameter, name: str | None) -> str | None:  # noqa: ARG001
    """CloudFormation's own rule for names. Other texts cannot always be sent."""
    if name is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}|arn:[!-~]+", name):
        raise click.BadParameter(f"{name!r} is not the name or the ARN of a stack")
    return name


def installation_options(command: Command) -> Command:
    """Adds where to look; the command receives `at`, an Installation: a state directory or a deployed stack."""

    @state_dir_option
    @click.option("--stack", metavar="NAME", callback=_a_stack, help="A deployed stack, instead of a state directory.")
    @click.option("--region", metavar="REGION", help="The stack's AWS region.  [default: your AWS configuration's]")
    @click.option("--profile", metavar="NAME", help="AWS credentials.  [default: your AWS configuration's]")
    @wraps(command)
    def with_installation(
        *,
        state_dir: Path,
        stack: str | None,
        region: str | None,
        profile: str | None,
        **others: Any,
    ) -> Any:
        from infra.cli.laptop import Laptop
        from infra.cli.stack import Stack

        context = click.get_current_context()
        if stack is None:
            for name, value in (("--region", region), ("--profile", profile)):
                if value is not None:
                    raise click.UsageError(f"{name}: only a deployed stack has one; add --stack NAME", context)
            return command(at=Laptop(state_dir), **others)
        if context.get_parameter_source("state_dir") is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError("--state-dir: a deployed stack has none; omit it, or --stack", context)
        return command(at=Stack(stack, region, profile), **others)

    return with_installation


def simulation_options(command: Command) -> Command:
    """Adds the options of the simulated Messages API; the command receives `simulation`, a Simulation."""

    @click.option("--simulate", is_flag=True, help="Use the simulated Messages API. Every run without a key does.")
    @click.option("--scenario", type=a_path, help="What the simulated API does for each call. Implies --simulate.")
    @click.option("--seed", type=int, help="Seed of the simulated latencies and texts.  [default: 0]")
    @click.option(
        "--speed",
        type=float,
        help="How many times faster than real time the simulation runs.  [default: the scenario's]",
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

    @click.option(
        "--sites", type=a_path, help="Another site list for this run, a JSON array.  [default: the stored one]"
    )
    @click.option("--only", metavar="ID", multiple=True, help="Only this site of the list. Can be repeated.")
    @click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Only the first N sites.")
    @wraps(command)
    def with_selection(*, sites: Path | None, only: tuple[str, ...], limit: int | None, **others: Any) -> Any:
        from infra.cli.run_request import Selection

        return command(selection=Selection(sites, only or None, limit), **others)

    return with_selection


def question_option(command: Command) -> Command:
    """Adds the question, a field of the configuration. Goes below `configuration_options`."""

    @click.option("--question", metavar="NAME", help="What to ask: a folder below functions/questions.")
    @wraps(command)
    def with_question(*, question: str | None, overrides: Mapping[str, Any], **others: Any) -> Any:
        from infra.cli.configuration import question_override

        return command(overrides={**overrides, **question_override(question)}, **others)

    return with_question


def configuration_options(command: Command) -> Command:
    """Adds the options of the configuration; the command receives `overrides`, fields for this run."""

    @click.option(
        "--concurrency",
        metavar="N|auto",
        help="How many sites to collect at once; auto finds the number. Or set MAX_CONCURRENCY.",
    )
    @click.option(
        "--set",
        "settings",
        metavar="FIELD=VALUE",
        multiple=True,
        help="Another field of the configuration for this run.",
    )
    @wraps(command)
    def with_overrides(*, concurrency: str | None, settings: tuple[str, ...], **others: Any) -> Any:
        from infra.cli.configuration import overrides_of

        return command(overrides=overrides_of(concurrency, settings, os.environ), **others)

    return with_overrides
