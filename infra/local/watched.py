"""One run with its live view, and what is said after it."""

import sys
from pathlib import Path

from infra.local import ending as words
from infra.local import live, planned
from infra.local.night import Ending, spend_night
from infra.local.preflight import Order
from infra.local.progress import Progress
from infra.local.terminal import payload, same, say, width_of
from infra.local.world import World


def watched_night(order: Order, world: World, state_dir: Path, *, as_json: bool) -> int:
    """The exit code. Raises StateDirInUse, CorruptState."""
    stderr = sys.stderr
    say(world.notice)
    collecting = order.plan.mode == "collect"
    if collecting:
        say(planned.headline(order))
    sites = [site.site_id for site in order.plan.sites] if collecting else []
    progress = Progress(sites, None if live.is_terminal(stderr) else live.PlainLines(stderr))
    notices: list[str] = []
    with live.view(progress, stderr, keep=as_json or not sys.stdout.isatty()):
        progress.say("deploying template.yaml into the embedded cloud")
        ending = spend_night(order, world, state_dir, progress, notices.append)
    for line in (*notices, *words.dead_runs(ending)):
        say(line)
    _last_words(ending, world, state_dir, as_json=as_json)
    return ending.exit_code


def _last_words(ending: Ending, world: World, state_dir: Path, *, as_json: bool) -> None:
    option = same(state_dir)
    if ending.how in {"closed", "nothing"} and ending.summary is not None and as_json:
        payload([words.as_json(ending.summary)])
    match ending.how:
        case "nothing":
            say(f"Nothing to do: no miss waits. (What is parked: uv run nightfold misses{option})")
        case "closed" if ending.summary is not None and not as_json:
            say("")
            payload(words.as_text(ending.summary, state_dir, width_of(sys.stdout), simulated=world.simulated))
            payload(["", *words.whereabouts(ending.summary, state_dir, option)])
        case "closed":
            pass
        case _:
            for line in words.without_census(ending, state_dir, option):
                say(line)
