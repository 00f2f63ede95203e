"""Any number of stories and kills. Exit status 1 if a guarantee was broken."""

import argparse
import logging
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.kill import Killer
from tests.chaos.model import Stories, play
from tests.chaos.world import World


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def play_stories(runs: int, steps: int, seed: int) -> bool:
    """Whether every guarantee held."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="nightfold-chaos-"))
    failure: BaseException | None = None
    Stories.damaging = True
    with World(folder / "state", seed=seed) as world:
        try:
            play(world, runs, steps, seed)
        except KeyboardInterrupt:
            say("interrupted")
        except BaseException as error:
            failure = error
        calls = world.api.history
    say(f"{Stories.count} stories in {time.monotonic() - started:.0f} s, seed {seed}; {len(calls)} calls of the API")
    for what, count in (*sorted(world.counted.items()), ("calls of AWS", world.injector.calls)):
        say(f"  {count:6}  {what}")
    say(f"{sum(world.injector.injected.values())} faults of AWS:")
    for kind, count in sorted(world.injector.injected.items()):
        say(f"  {count:6}  {kind}")
    if failure is None:
        say("No fault found. Every planned site was accepted in the end, and no accepted one was paid for again.")
        shutil.rmtree(folder)
        return True
    say(f"FOUND: {type(failure).__name__}: {failure}")
    say(f"The state directory is kept: {folder}.")
    say(f"To repeat it:  --seed {seed} --runs {runs} --steps {steps}. The story:")
    for step in Stories.played:
        say(f"  {step}")
    return False


def kill(kills: int, seed: int) -> bool:
    """Whether every guarantee held."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="nightfold-kills-"))
    failure: BaseException | None = None
    done = 0
    with Killer(folder, seed) as killer:
        try:
            while done < kills:
                killer.kill_one()
                done += 1
        except KeyboardInterrupt:
            say("interrupted")
        except BaseException as error:
            failure = error
    say(f"{done} runs killed and redriven in {time.monotonic() - started:.0f} s, seed {seed}")
    for what, count in sorted(killer.counted.items()):
        say(f"  {count:6}  {what}")
    if failure is None:
        say("No fault found. Every planned site was accepted in the end, and no stored answer was paid for again.")
        shutil.rmtree(folder)
        return True
    say(f"FOUND in number {done + 1}: {type(failure).__name__}: {failure}")
    say(f"To repeat it:  --runs 0 --seed {seed} --kills {done + 1}")
    return False


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
