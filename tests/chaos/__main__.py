"""Any number of stories and kills. Exit status 1 if a guarantee was broken."""

import argparse
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.kill import Killer
from tests.chaos.model import Stories, play
from tests.chaos.world import World


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def report(counted: Mapping[str, int]) -> None:
    for what, count in sorted(counted.items()):
        say(f"  {count:6}  {what}")


def verdict(failure: BaseException | None, folder: Path, to_repeat: str) -> bool:
    """Whether every guarantee held. The state directory of a failure is kept."""
    if failure is None:
        say("No fault found. Every planned site was accepted in the end, and no stored answer was paid for again.")
        shutil.rmtree(folder)
        return True
    say(f"FOUND: {type(failure).__name__}: {failure}")
    say(f"The state directory is kept: {folder}.")
    say(f"To repeat it:  {to_repeat}")
    return False


@contextmanager
def caught(failures: list[BaseException]) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("interrupted")
    except BaseException as error:
        failures.append(error)


def play_stories(runs: int, steps: int, seed: int) -> bool:
    started, failures = time.monotonic(), list[BaseException]()
    folder = Path(tempfile.mkdtemp(prefix="nightfold-chaos-"))
    Stories.damaging = True
    with World(folder / "state", seed=seed) as world:
        with caught(failures):
            play(world, runs, steps, seed)
        calls = len(world.api.history)
    say(f"{Stories.count} stories in {time.monotonic() - started:.0f} s, seed {seed}; {calls} calls of the API")
    report(world.counted | {"calls of AWS": world.injector.calls})
    say(f"{sum(world.injector.injected.values())} faults of AWS:")
    report(world.injector.injected)
    held = verdict(next(iter(failures), None), folder, f"--seed {seed} --runs {runs} --steps {steps}")
    for step in () if held else ("The story:", *Stories.played):
        say(f"  {step}")
    return held


def kill(kills: int, seed: int) -> bool:
    started, failures, done = time.monotonic(), list[BaseException](), 0
    folder = Path(tempfile.mkdtemp(prefix="nightfold-kills-"))
    with Killer(folder, seed) as killer, caught(failures):
        while done < kills:
            killer.kill_one()
            done += 1
    say(f"{done} runs killed and redriven in {time.monotonic() - started:.0f} s, seed {seed}")
    report(killer.counted)
    return verdict(next(iter(failures), None), folder, f"--runs 0 --seed {seed} --kills {done + 1}")


def main() -> int:
    logging.getLogger("moto").setLevel(logging.CRITICAL)  # threads left over from a closed cloud have nowhere to log
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=50, help="number of stories, of a few nights each (default %(default)s)"
    )
    parser.add_argument("--steps", type=int, default=6, help="the longest story (default %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="seed for all random choices (default: a new one)")
    parser.add_argument("--kills", type=int, default=0, help="runs to end with SIGKILL (default %(default)s)")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    kept = [not options.runs or play_stories(options.runs, options.steps, seed)]
    kept.append(not options.kills or kill(options.kills, seed))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
