"""The command line: `nightfold run`, `plan`, `misses`, `redrive`, `report`, `cloud`.

Payload goes to stdout, everything else to stderr. Exit codes: 0 every site accepted, 2 partial, 1 nothing accepted or
the run broke, 64 bad input before anything started, 130 after Ctrl-C. Each command imports what it needs itself, so
that `plan`, `misses` and `--help` answer at once.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable
from functools import reduce
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from infra.cli.interrupts import INTERRUPTED, end_if_interrupted, interruptible
from infra.cli.terminal import STATE_DIR, state_dir_option, to_stderr, to_stdout, visible, width_of

BAD_INPUT = 64  #  sysexits.h's EX_USAGE; click's own 2 would mean "partial" here

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
_path = click.Path(path_type=Path)


def _options(*options: Decorator) -> Decorator:
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(options), command)


_STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    default=STATE_DIR,
    show_default=True,
    help="Where bucket, queues and configuration lie.",
)
_SITES = click.option("--sites", type=_path, help="The site list, a JSON array.  [default: events/sites.json]")
_CONFIGURATION = _options(
    click.option("--concurrency", metavar="N", help="Branches at once; also the environment's MAX_CONCURRENCY."),
    click.option("--set", "settings", metavar="FIELD=VALUE", multiple=True, help="Another field of the configuration."),
)
_SIMULATION = _options(
    click.option("--simulate", is_flag=True, help="Speak to the simulated Messages API; so it is without a key."),
    click.option("--scenario", type=_path, help="What the simulated API does, call by call. Implies --simulate."),
    click.option("--seed", type=int, help="Draws the simulated latencies and texts.  [default: 0]"),
    click.option(
        "--speed",
        type=float,
        help="How much faster than real time the simulated world is.  [default: as the scenario says]",
    ),
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def nightfold() -> None:
    """Fan out at night, fold in by morning: article candidates from Claude for each of your sites.

    Exit codes of a run: 0 every site accepted, 2 some, 1 none (or it broke), 64 bad input before anything started,
    130 after Ctrl-C.
    """


@nightfold.command()
@_options(_SITES, _CONFIGURATION, _SIMULATION, _JSON, _STATE_DIR)
def run(
    sites: Path | None,
    concurrency: str | None,
    settings: tuple[str, ...],
    simulate: bool,
    scenario: Path | None,
    seed: int | None,
    speed: float | None,
    as_json: bool,
    state_dir: Path,
) -> int:
    """One run, here and now."""
    from infra.cli.preflight import SITES, here_or_in_repository, order_collection, overrides_of
    from infra.cli.run import run_with_view
    from infra.messages_api.endpoint import SCENARIO, choose_endpoint

    endpoint = choose_endpoint(
        os.environ,
        simulate=simulate,
        scenario_file=scenario,
        default_scenario=here_or_in_repository(SCENARIO),
        seed=seed,
        speed=speed,
    )
    overrides = overrides_of(concurrency, settings, os.environ)
    order = order_collection(state_dir, sites or here_or_in_repository(SITES), overrides, endpoint.speed)
    return run_with_view(order, endpoint, state_dir, as_json=as_json)


@nightfold.command()
@_options(_SITES, _CONFIGURATION, _JSON, _STATE_DIR)
def plan(sites: Path | None, concurrency: str | None, settings: tuple[str, ...], as_json: bool, state_dir: Path) -> int:
    """What a run would do, and what it would cost at most. Starts nothing."""
    from infra.cli import plan_text as planned
    from infra.cli.preflight import SITES, here_or_in_repository, order_collection, overrides_of

    overrides = overrides_of(concurrency, settings, os.environ)
    order = order_collection(state_dir, sites or here_or_in_repository(SITES), overrides)
    to_stdout([planned.as_json(order)] if as_json else planned.as_text(order, width_of(sys.stdout)))
    return 0


@nightfold.command()
@_options(_JSON, _STATE_DIR)
def misses(as_json: bool, state_dir: Path) -> int:
    """What waits in the queue, what was parked, and why."""
    from infra.cli import misses_text
    from infra.state.queued_misses import read_misses
    from infra.state.unfinished_runs import unfinished_runs

    if not state_dir.exists():
        to_stderr(f"There is no {state_dir} yet.")
    found = read_misses(state_dir)
    to_stdout([misses_text.as_json(found)] if as_json else misses_text.as_text(found, width_of(sys.stdout)))
    for dead in unfinished_runs(state_dir):
        kept = f"{dead.stored:,} of {len(dead.plan.sites):,} outcomes are stored"
        to_stderr(f"Run {dead.run_id} ended before its census: {kept}.")
        to_stderr(f"`uv run nightfold redrive{state_dir_option(state_dir)}` closes it and collects the rest.")
    if any(miss.queue == "waiting" for miss in found):
        to_stderr(f"`uv run nightfold redrive{state_dir_option(state_dir)}` collects what waits.")
    return 0


@nightfold.command()
@click.option("--dry-run", is_flag=True, help="Only say what would run, and what it would cost at most.")
@click.option("--sites", type=_path, hidden=True)
@_options(_CONFIGURATION, _SIMULATION, _JSON, _STATE_DIR)
def redrive(
    dry_run: bool,
    sites: Path | None,
    concurrency: str | None,
    settings: tuple[str, ...],
    simulate: bool,
    scenario: Path | None,
    seed: int | None,
    speed: float | None,
    as_json: bool,
    state_dir: Path,
) -> int:
    """The morning run: only the misses."""
    from infra.cli import plan_text as planned
    from infra.cli.preflight import order_redrive, overrides_of
    from infra.cli.run import run_with_view
    from infra.messages_api.endpoint import choose_endpoint

    endpoint = choose_endpoint(
        os.environ, simulate=simulate, scenario_file=scenario, default_scenario=None, seed=seed, speed=speed
    )
    order = order_redrive(state_dir, overrides_of(concurrency, settings, os.environ), endpoint.speed)
    if sites is not None:
        to_stderr("--sites is not used here: the misses bring their sites along.")
    if dry_run:
        text = planned.redrive_as_json if as_json else planned.redrive_as_text
        to_stdout(text(order, state_dir, width_of(sys.stdout)))
        return 0
    return run_with_view(order, endpoint, state_dir, as_json=as_json)


@nightfold.command()
@click.argument("run_id", required=False)
@click.option("--open", "opened", is_flag=True, help="Open the page in a browser.")
@click.option("--list", "listed", is_flag=True, help="Every run that has a census, newest first.")
@_options(_JSON, _STATE_DIR)
def report(run_id: str | None, opened: bool, listed: bool, as_json: bool, state_dir: Path) -> int:
    """The page of a run, of the newest one unless named: prints its address."""
    from infra.cli import report as pages

    if listed:
        runs = pages.closed_runs(state_dir)
        to_stdout([pages.as_json(runs)] if as_json else pages.as_text(runs, width_of(sys.stdout)))
        return 0
    page = pages.page_of(state_dir, run_id)
    to_stdout([pages.page_as_json(page) if as_json else page.as_uri()])
    if opened and not pages.open_page(page):
        to_stderr("No browser could be opened here: open the address above in one.")
    return 0


@nightfold.command()
@click.option("--port", type=click.IntRange(0, 65535), default=4566, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where containers reach it: docker0's address.")
@_options(_SIMULATION, _STATE_DIR)
def cloud(
    port: int, host: str, simulate: bool, scenario: Path | None, seed: int | None, speed: float | None, state_dir: Path
) -> int:
    """Keep the embedded cloud up on a port until Ctrl-C."""
    from infra.cli.preflight import SITES, check_state_dir, here_or_in_repository
    from infra.cli.serve import serve_until_stopped
    from infra.messages_api.endpoint import SCENARIO, choose_endpoint

    check_state_dir(state_dir)
    endpoint = choose_endpoint(
        os.environ,
        simulate=simulate,
        scenario_file=scenario,
        default_scenario=here_or_in_repository(SCENARIO),
        seed=seed,
        speed=speed,
    )
    to_stderr(endpoint.notice)
    serve_until_stopped(endpoint, state_dir, (host, port), here_or_in_repository(SITES).read_bytes(), ready=to_stdout)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the console script, which passes no arguments; returns the exit code."""
    code = _main(arguments)
    if arguments is None:  # the process ends here, and the interpreter's last look for garbage takes 0.8 s
        gc.freeze()
        end_if_interrupted(code)
    return code


def _main(arguments: list[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a title is no reason to fail in a terminal that is not UTF-8
    with interruptible():
        try:
            return int(nightfold.main(arguments, prog_name="nightfold", standalone_mode=False) or 0)
        except click.exceptions.NoArgsIsHelpError as error:
            to_stderr(error.format_message())
            return BAD_INPUT
        except click.UsageError as error:
            of = error.ctx.command_path if error.ctx else "nightfold"
            return _refuse(f"{error.format_message()} (see {of} --help)")
        except (KeyboardInterrupt, click.Abort):
            to_stderr("Interrupted.")
            return INTERRUPTED
        except BrokenPipeError:  # `| head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + signal.SIGPIPE
        except Exception as error:
            if _is_bad_input(error):
                return _refuse(str(error))
            raise


def _is_bad_input(error: Exception) -> bool:
    from infra.state.directory import CorruptState, StateDirInUse
    from nightfold.errors import InvalidInput

    return isinstance(error, InvalidInput | StateDirInUse | CorruptState)


def _refuse(message: str) -> int:
    to_stderr(f"nightfold: {visible(message)}")
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
