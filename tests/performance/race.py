"""Nightfold beside four other ways to ask Claude once for each site: wall clock, memory, calls, and what is kept.

Every contestant is given the same prompts and answers, and a process of its own; one that did other work than the
first is a complaint. What each run took is kept as it was measured; medians are made where they are shown.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any, Self, cast

from tests.performance.contestant import OURS, SCRIPT, SERIAL, Contestant, contestants, run
from tests.performance.part import Options
from tests.performance.race_report import tables
from tests.performance.race_rules import complaints
from tests.performance.simulated_apis import ApiProcess
from tests.performance.workloads import HANGING, Workload, four_sites, many_sites, small_account, with_one_fault

__all__ = ["complaints", "measure", "tables"]

FAULTS_AT_ONCE = 8  # contestants; they sleep nearly all the time, and only their starts need a processor

Run = dict[str, Any]


def measure(options: Options) -> dict[str, Any]:
    """Every run of every contestant, and what none could be faster than."""
    entrants = contestants()
    four = four_sites(options.seed, quick=options.quick)
    faults = with_one_fault(options.seed)
    account = small_account(options.seed, quick=options.quick)
    many = many_sites(options.seed)
    with ApiProcess(ctx=get_context("spawn")) as process:
        apis = cast(Any, process).Apis()
        runs = [
            *_four_sites(entrants, four, options, apis),
            *_faults(entrants, faults, options, apis),
            *_small_account(entrants, account, options, apis),
            *_many_sites(entrants, many, options, apis),
        ]
    return {
        "quick": options.quick,
        "seed": options.seed,
        "contestants": [each.name for each in entrants],
        "workloads": {
            each.name: {
                "sites": len(each.sites),
                "speed": each.speed,
                "bound_s": round(each.bound_s, 3),
                "timeout_s": each.timeout_s,
                "patience_s": each.patience_s,
            }
            for each in (four, *faults, account, many)
        },
        "runs": runs,
    }


class Track:
    """Runs contestants side by side, and tells a person how each went. After an error no other one starts."""

    def __init__(self, options: Options, apis: Any, at_once: int) -> None:
        self._options, self._apis = options, apis
        self._pool = ThreadPoolExecutor(at_once)
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)

    def start(self, each: Contestant, workload: Workload, apart_s: float) -> "Future[Run]":
        """As soon as there is room, and no sooner than `apart_s` after the one before it."""
        return self._pool.submit(self._race, each, workload, apart_s)

    def _race(self, each: Contestant, workload: Workload, apart_s: float) -> Run:
        with self._starting:
            time.sleep(apart_s)
        found = run(each, workload, self._apis, self._options.work, again=not self._options.quick)
        how = "ended from outside" if found["status"] is None else f"{found['wall_s']:.1f} s"
        kept = f"{len(found['kept'])} of {found['planned']} kept"
        self._options.say(f"{workload.name}: {each.name}, {how}, {kept}")
        return found


def _four_sites(entrants: Sequence[Contestant], workload: Workload, options: Options, apis: Any) -> list[Run]:
    """The serial one once, all others three times in that same time; in quick mode everything once."""
    rounds, apart_s = (1, 1.2) if options.quick else (3, 3.0)
    others = [each for each in reversed(entrants) if each.name != SERIAL]
    with Track(options, apis, len(entrants) + 1) as track:
        serial = [track.start(each, workload, 0) for each in entrants if each.name == SERIAL]
        found: list[Run] = []
        for number in range(rounds):
            order = others[number:] + others[:number]
            started = [track.start(each, workload, apart_s) for each in order]
            found += [each.result() | {"round": number + 1} for each in started]
        return [*(each.result() | {"round": 1} for each in serial), *found]


def _faults(entrants: Sequence[Contestant], workloads: Sequence[Workload], options: Options, apis: Any) -> list[Run]:
    """A few at a time, those that take longest first."""
    jobs = [(each, workload) for workload in workloads for each in entrants]
    jobs.sort(key=lambda job: (job[1].name != HANGING, job[0].name != OURS))
    with Track(options, apis, FAULTS_AT_ONCE) as track:
        return [each.result() for each in [track.start(*job, 0.5 if options.quick else 0.8) for job in jobs]]


def _small_account(entrants: Sequence[Contestant], workload: Workload, options: Options, apis: Any) -> list[Run]:
    """Side by side, each on an account of its own. One after the other would take four times as long: left out."""
    others = [each for each in reversed(entrants) if each.name != SERIAL]
    with Track(options, apis, len(entrants) + 1) as track:
        return [each.result() for each in [track.start(each, workload, 1.2) for each in others]]


def _many_sites(entrants: Sequence[Contestant], workload: Workload, options: Options, apis: Any) -> list[Run]:
    """The script and Nightfold take turns: a busy machine is busy for both."""
    pair = [each for each in entrants if each.name in (SCRIPT, OURS)]
    with Track(options, apis, 1) as track:
        return [track.start(each, workload, 0).result() | {"round": n + 1} for n in range(3) for each in pair]
