"""Runs as stored in the bucket, written by the real code: planner, judge and census.

A site is a list of what its calls did, by round: `"ok"`, `"prose"`, `"cut"`, `"hostile"`, an error's name
(`"Overloaded"`), or `"lost"` for a branch without an outcome; `UNBEGUN` for one that no wave began.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from typing import Any, Literal

from pydantic import TypeAdapter

from aggregator.census import summarize
from aggregator.judge import Verdict, judge, not_attempted
from nightfold.branch import Outcome, SiteTask
from nightfold.contract import Plan
from nightfold.failure_message import with_calls
from nightfold.misses import Miss, WaitingMessage
from nightfold.results import SiteResults
from nightfold.settings import RunConfiguration
from nightfold.sites import Site
from nightfold.storage import items_key, misses_key, outcome_key, pace_key, plan_key, results_key, summary_key
from nightfold.waves import Pace, Profile, Stop
from planner.draft import PlanTask, draft, items
from reporter.records import read_records
from reporter.redriven import note
from tests.support.questions import CANDIDATES

STARTED = datetime(2026, 11, 23, 3, 15, 7, tzinfo=UTC)
UNBEGUN = "not begun"
STOP = Stop(reason="unknown", message="every call of a wave failed; the API refused the key: check it")
NETWORK = {"RateLimited", "Overloaded", "NetworkError", "ModelTimeout"}
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'
TITLES = (
    "Why retry storms deserve an afternoon",
    "The quiet cost of incident write-ups",
    "Log retention, explained with one real example",
    "Staging environments: the checklist",
    "Before you automate cold starts",
)
ANGLES = (
    "A small experiment that any reader can repeat in an hour.",
    "What the usual advice leaves out, shown on a real outage.",
    "One case from start to end, with the numbers before and after.",
    "The three decisions that mattered, and the one that was wrong.",
    "For a team of five: what to do first, what to leave for later.",
)


WORDS = ["".join(syllables) for syllables in product(("har", "or", "lan", "mea", "ti", "ke", "so", "vu"), repeat=4)]


@dataclass
class MemoryBucket:
    """A bucket in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def put(self, key: str, body: bytes, _: str = "") -> None:
        self.objects[key] = body

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def run_ids(self) -> Iterator[str]:
        return iter(sorted({key.split("/")[1] for key in self.objects if key.startswith("runs/")}))


def store_run(
    bucket: MemoryBucket,
    sites: Mapping[str, Sequence[str]],
    *,
    run_id: str = "nightly-2026-11-23",
    mode: Literal["collect", "redrive"] = "collect",
    started: datetime = STARTED,
    angle_words: int = 9,
    times: bool = True,
    simulated: bool = False,
    of_redrive: Mapping[str, Any] | None = None,
    missed_in: str | None = None,
    at_once: int = 4,
    **configuration: Any,
) -> None:
    """Store one run in the bucket, of one wave a round. A redrive's sites were `missed_in` another run."""
    plan = draft(
        run_id,
        mode,
        [Site(site_id=name, domain=f"{name}.example") for name in sites],
        RunConfiguration.model_validate(configuration),
        PlanTask(execution_id=f"arn:{run_id}", execution_name=run_id, started_at=started, input={}),
        simulated=simulated,
        overrides={},
        profile=Profile(),
        **of_redrive or {},
    )
    if missed_in:
        messages = [WaitingMessage(message_id="1", receipt_handle="1", run_id=missed_in)]
        plan = plan.model_copy(update={"messages": dict.fromkeys(sites, messages)})
    bucket.objects[plan_key(run_id)] = plan.model_dump_json().encode()
    bucket.objects[items_key(run_id, 1)] = items(plan)
    first = _round(
        bucket, plan, TypeAdapter(list[SiteTask]).validate_json(items(plan)), sites, angle_words, times, at_once
    )
    begun = sum(did[0] != UNBEGUN for did in sites.values())
    rounds, paces = [first], [_pace(bucket, plan, 1, begun, at_once)]
    if begun < len(plan.sites):
        end = {"wave": 2, "first": begun, "left": len(plan.sites) - begun, "stop": STOP, "why": STOP.message}
        paces.append(_pace(bucket, plan, 1, 0, at_once, **end))
    again = [
        SiteTask.for_site(site, run_id, 2, plan.configuration, 2_048, CANDIDATES, violation=first[site.site_id].message)
        for site in plan.sites
        if first[site.site_id].regenerate
    ]
    if again:
        bucket.objects[items_key(run_id, 2)] = TypeAdapter(list[SiteTask]).dump_json(again)
        rounds.append(_round(bucket, plan, again, sites, angle_words, times, at_once))
        paces.append(_pace(bucket, plan, 2, len(again), at_once))
    summary = summarize(plan, rounds, paces).model_copy(update={"duration_s": 14.2 + len(sites) * 0.01})
    bucket.objects[summary_key(run_id)] = summary.model_dump_json().encode()
    last = {**rounds[0], **rounds[-1]}
    bucket.objects[misses_key(run_id)] = b"".join(
        _miss(plan, site, last[site.site_id]) for site in plan.sites if not last[site.site_id].accepted
    )


def _pace(bucket: MemoryBucket, plan: Plan, round_: int, sites: int, at_once: int, **fields: Any) -> Pace:
    """A round of one wave, unless `fields` are those of another decision."""
    decision: dict[str, Any] = {
        "run_id": plan.run_id,
        "round": round_,
        "wave": 1,
        "decided_at": plan.started_at + timedelta(seconds=round_),
        "first": 0,
        "sites": sites,
        "left": 0,
        "max_concurrency": at_once,
        "why": f"a start with {at_once}",
    }
    pace = Pace.model_validate(decision | fields)
    bucket.objects[pace_key(plan.run_id, round_, pace.wave)] = pace.model_dump_json().encode()
    return pace


def _round(
    bucket: MemoryBucket,
    plan: Plan,
    tasks: Sequence[SiteTask],
    sites: Mapping[str, Sequence[str]],
    angle_words: int,
    times: bool,
    at_once: int,
) -> dict[str, Verdict]:
    judged = {}
    first = not tasks or tasks[0].round == 1
    began = plan.started_at + timedelta(seconds=1 if first else 2 + (len(plan.sites) // at_once + 1) * 5.6)
    for number, task in enumerate(tasks):
        did = sites[task.site_id]
        what = did[min(task.round, len(did)) - 1]
        start = began + timedelta(seconds=number // at_once * 5.6 + number % 7 * 0.05)
        outcome = _outcome(task, what, number, angle_words)
        if outcome is not None:
            if times:
                wait = 2.2 if outcome.failure else 2.0 if what == "retried" else 0.1
                took = timedelta(seconds=wait + (outcome.answer.latency_ms / 1000 if outcome.answer else 3))
                outcome = outcome.model_copy(update={"started_at": start, "ended_at": start + took})
            bucket.objects[outcome_key(plan.run_id, task.round, task.site_id)] = outcome.model_dump_json().encode()
        document = bucket.objects.get(outcome_key(plan.run_id, task.round, task.site_id))
        verdict = judge(task.site_id, plan.run_id, task.round, document, CANDIDATES)
        verdict = judged[task.site_id] = not_attempted(task.site_id, STOP) if what == UNBEGUN else verdict
        if verdict.accepted:
            results = SiteResults(
                run_id=plan.run_id,
                simulated=plan.simulated,
                site_id=task.site_id,
                question=CANDIDATES.name,
                round=task.round,
                entries=[entry.model_dump() for entry in verdict.kept],
            )
            bucket.objects[results_key(plan.run_id, task.site_id)] = results.model_dump_json().encode()
    return judged


def _outcome(task: SiteTask, what: str, number: int, angle_words: int) -> Outcome | None:
    of_branch: dict[str, Any] = {"run_id": task.run_id, "round": task.round, "site_id": task.site_id}
    if what in {"lost", UNBEGUN}:
        return None
    if what[0].isupper():
        reason: Literal["network", "unknown"] = "network" if what in NETWORK else "unknown"
        attempt = f"attempt 3 after {what}, {what}" if reason == "network" else "attempt 1"
        calls = [(0.1, 0.9), (2.4, 3.1), (4.4, 5.2)] if reason == "network" else [(0.1, 5.2)]
        cause = json.dumps({"errorMessage": with_calls(f"{attempt}: 4xx {what}: no", calls), "errorType": what})
        failure = {"reason": reason, "caught": {"Error": what, "Cause": cause}}
        return Outcome.model_validate({**of_branch, "outcome": "failed", "answer": None, "failure": failure})
    latency = (2_100 + number * 37 % 900) / 1_000
    answer = {
        "text": _text(what, number, angle_words),
        "stop_reason": "max_tokens" if what == "cut" else "end_turn",
        "input_tokens": 300 + number % 40,
        "output_tokens": 480 + number * 7 % 60,
        "model": task.model,
        "request_id": "req_011CVexample",
        "latency_ms": round(latency * 1_000),
        "rate_limits": {
            "anthropic-ratelimit-requests-limit": "1000",
            "anthropic-ratelimit-requests-remaining": str(990 - number % 700),
            "anthropic-ratelimit-output-tokens-limit": "400000",
            "anthropic-ratelimit-output-tokens-remaining": "381000",
        },
        "attempt": 2 if what == "retried" else 1,
        "earlier_errors": ["RateLimited"] if what == "retried" else [],
        "calls": [(0.1, 0.5), (2.0, 2.0 + latency)] if what == "retried" else [(0.1, 0.1 + latency)],
    }
    return Outcome.model_validate({**of_branch, "outcome": "answered", "answer": answer, "failure": None})


def _text(what: str, number: int, angle_words: int) -> str:
    if what == "prose":
        return f"I would suggest these:\n\n1. **A field guide** - {HOSTILE}\n\x1b[31m2. \u202eesrever\u202c"
    drawn = random.Random(number)
    candidates = [
        {
            "title": " ".join(drawn.choices(WORDS, k=7)),
            "angle": " ".join(drawn.choices(WORDS, k=angle_words)),
        }
        if what == "words"
        else {
            "title": f"{TITLES[(number + each) % 5]} {number * 5 + each}",
            "angle": ANGLES[each],
        }
        for each in range(5)
    ]
    if what == "hostile":
        candidates[0] = {"title": HOSTILE, "angle": "</script><script>alert(3)</script> {{ 7 * 7 }} [a](javascript:1)"}
        candidates[1] = {"title": '=HYPERLINK("https://evil.example"); @all', "angle": '" onfocus="alert(5)'}
        candidates[2] = {"title": "Right to left: \u05e9\u05dc\u05d5\u05dd", "angle": "]]> --> <!-- &lt;b&gt; `x`"}
    return json.dumps(candidates)


def _miss(plan: Plan, site: Site, verdict: Verdict) -> bytes:
    miss = Miss(
        run_id=plan.run_id,
        site=site,
        reason=verdict.reason or "unknown",
        error=verdict.error or "Unaccounted",
        message=verdict.message,
        raw_answer=verdict.raw_answer,
        raw_answer_key=outcome_key(plan.run_id, 2, site.site_id) if verdict.raw_answer else None,
        missed_at=plan.started_at + timedelta(seconds=14),
        attempts=plan.attempts.get(site.site_id, 0) + verdict.attempted,
        simulated=plan.simulated,
    )
    return json.dumps(miss.model_dump(mode="json")).encode() + b"\n"


# --- The runs that the tests use ---------------------------------------------------------------------------------

FOUR = ("harbour", "orchard", "lantern", "meadow")


def good() -> MemoryBucket:
    """All four sites accepted, after about thirty scheduled runs, some of them partial."""
    bucket = MemoryBucket()
    for ago in range(34, 0, -1):
        day = STARTED - timedelta(days=ago)
        last = "Overloaded" if ago % 9 == 0 else "prose" if ago % 13 == 0 else "ok"
        store_run(
            bucket,
            dict(zip(FOUR, (["ok"], ["ok"], ["retried"], [last]), strict=True)),
            run_id=f"nightly-{day:%Y-%m-%d}",
            started=day,
        )
    store_run(bucket, dict(zip(FOUR, (["ok"], ["retried"], ["prose", "ok"], ["ok"]), strict=True)))
    return bucket


def partial() -> MemoryBucket:
    """Three of four accepted: one answer broke the contract twice."""
    bucket = MemoryBucket()
    for ago in (3, 2, 1):
        day = STARTED - timedelta(days=ago)
        store_run(bucket, {name: ["ok"] for name in FOUR}, run_id=f"nightly-{day:%Y-%m-%d}", started=day)
    store_run(bucket, dict(zip(FOUR, (["ok"], ["retried"], ["prose", "ok"], ["prose"]), strict=True)))
    return bucket


def redriven() -> MemoryBucket:
    """A scheduled run with two misses, and a redrive that collected one of them."""
    bucket = MemoryBucket()
    store_run(bucket, dict(zip(FOUR, (["ok"], ["Overloaded"], ["ok"], ["prose"]), strict=True)))
    store_run(
        bucket,
        {"orchard": ["ok"], "meadow": ["prose"]},
        run_id="redrive-2026-11-23",
        mode="redrive",
        started=STARTED.replace(hour=7),
        missed_in="nightly-2026-11-23",
    )
    return bucket


def followed() -> MemoryBucket:
    """That run, after the redrive has reported the result of its misses."""
    bucket = redriven()
    redrive = read_records("redrive-2026-11-23", bucket)
    note(redrive.summary, set(), redrive.origins, bucket)
    return bucket


def lost() -> MemoryBucket:
    """Nothing accepted, for three different reasons."""
    bucket = MemoryBucket()
    store_run(bucket, dict(zip(FOUR, (["AccessDenied"], ["AccessDenied"], ["Overloaded"], ["lost"]), strict=True)))
    return bucket


@cache
def stopped(sites: int = 500) -> MemoryBucket:
    """A wrong key: the first four sites showed it, and the others had no turn."""
    bucket = MemoryBucket()
    store_run(bucket, {f"site-{n:05}": ["AccessDenied"] if n < 4 else [UNBEGUN] for n in range(sites)})
    return bucket


def empty() -> MemoryBucket:
    """A redrive that found nothing but an unrecognized message."""
    bucket = MemoryBucket()
    store_run(bucket, {}, run_id="redrive-2026-11-23", mode="redrive")
    return bucket


def hostile() -> MemoryBucket:
    """A hostile model, and two failed sites."""
    bucket = MemoryBucket()
    store_run(bucket, {"harbour": ["hostile"], "orchard": ["ok"], "meadow": ["prose"], "lantern": ["cut"]})
    return bucket


@cache
def large(sites: int = 10_000, angle_words: int = 9) -> MemoryBucket:
    """Ten thousand sites; every 97th is missed for some reason."""
    bucket = MemoryBucket()
    ways = ("Overloaded", "prose", "RateLimited", "RequestRejected", "cut", "lost")
    did = {f"site-{n:05}": [ways[n // 97 % 6]] if n % 97 == 5 else ["words"] for n in range(sites)}
    store_run(
        bucket,
        did,
        angle_words=angle_words,
        at_once=200,
        output_token_budget=204_800,
        model="claude-haiku-5-5",
    )
    return bucket


def lengthy() -> MemoryBucket:
    """The longest allowed names, an unknown error and an unknown model."""
    bucket = MemoryBucket()
    did = {"a" * 63: ["hostile"], f"b-{'x' * 61}": ["prose"], "c": ["Whatever"], "d": ["retried"]}
    store_run(bucket, did, run_id="r" * 80, model="some-unknown-model")
    return bucket


RUNS: dict[str, Callable[[], MemoryBucket]] = {
    "good": good,
    "partial": partial,
    "followed": followed,
    "morning": followed,  # the page of that redrive
    "lost": lost,
    "empty": empty,
    "hostile": hostile,
    "large": large,
    "stopped": stopped,
}
