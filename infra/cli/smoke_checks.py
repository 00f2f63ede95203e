"""What `nightfold smoke` looks at after its run."""

import time
from collections.abc import Callable, Iterator
from functools import partial

from infra.cli.checks import Check, Finding, fix, looked, note, ok
from infra.cli.installation import Installation
from infra.cli.run_result import RunResult
from infra.cli.terminal import to_stderr
from nightfold.amounts import counted
from nightfold.contract import Summary

POLL_S = 5

Pause = Callable[[float], None]


def check_evidence(at: Installation, run_id: str) -> None:
    """Raises InvalidInput if what the run will leave may not be looked at: before the run, which costs something."""
    at.evidence.waiting()
    at.evidence.logged(run_id)


def smoke_checks(at: Installation, result: RunResult, sites: int, pause: Pause = time.sleep) -> Iterator[Check]:
    """`sites`: how many the run was for. `pause` waits for so many seconds."""
    summary = result.summary
    if summary is None:
        why = f"{result.error}: {result.cause}" if result.cause else result.error
        yield Check("run", fix(f"{result.run_id} has no census: {why}", at.suggest("doctor")))
        return
    yield from looked(
        {
            "run": partial(_run, at, summary),
            "census": partial(_census, at, summary, sites),
            "miss queue": partial(_miss_queue, at, summary, pause),
            "logs": partial(_logs, at, summary, pause),
        },
        unknown=fix,
    )


def _run(at: Installation, summary: Summary) -> Finding:
    said = f"{summary.run_id} is {summary.status}"
    missed = summary.planned - summary.accepted
    if not summary.accepted:
        errors = ", ".join(sorted({site.error or "" for site in summary.sites}))
        return fix(f"{said}: no site was accepted ({errors})", at.suggest("misses"))
    if missed:
        return note(f"{said}: {counted(missed, 'site')} missed", at.suggest("misses"))
    return ok(said)


def _census(at: Installation, summary: Summary, sites: int) -> Finding:
    missed = sum(summary.missed.model_dump().values())
    said = f"planned {summary.planned:,} = accepted {summary.accepted:,} + missed {missed:,}"
    if summary.planned == summary.accepted + missed == sites:
        return ok(said)
    return fix(f"{said} does not hold for {counted(sites, 'site')}", at.suggest(f"report {summary.run_id}"))


def _miss_queue(at: Installation, summary: Summary, pause: Pause) -> Finding:
    missed, evidence = summary.planned - summary.accepted, at.evidence
    waiting = _at_least(missed, "messages in the miss queue", evidence.waiting, evidence.late_s, pause)
    said = f"{counted(waiting, 'message')} waiting, {counted(missed, 'site')} missed"
    return ok(said) if waiting >= missed else fix(said, at.suggest("misses"))


def _logs(at: Installation, summary: Summary, pause: Pause) -> Finding:
    """Each call has a line, unless Lambda has ended it: so at least one for each site that was asked."""
    asked, evidence = summary.planned - summary.not_attempted, at.evidence
    count = partial(evidence.logged, summary.run_id)
    lines = _at_least(asked, "lines of the collector's log", count, evidence.late_s, pause)
    said = f"{counted(lines, 'line')} of the collector about {counted(asked, 'site')}, in {at.logs}"
    return ok(said) if lines >= asked else fix(said)


def _at_least(number: int, what: str, count: Callable[[], int], late_s: float, pause: Pause) -> int:
    """What was counted, as soon as it is enough, and at the latest after `late_s` seconds."""
    waited = 0.0
    while (counted := count()) < number and waited < late_s:
        if not waited:
            to_stderr(f"{counted:,} of {number:,} {what} so far. AWS shows them late; looking for {late_s:.0f} s …")
        pause(POLL_S)
        waited += POLL_S
    return counted
