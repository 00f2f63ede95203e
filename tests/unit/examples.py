"""Sites, plans and outcomes, made by the code that makes them in a run."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from nightfold.branch import Answer, Outcome
from nightfold.contract import Plan
from nightfold.errors import Reason
from nightfold.misses import Miss
from nightfold.settings import RunConfiguration
from nightfold.sites import Site
from nightfold.waves import Pace, Profile
from planner.draft import PlanTask, draft

STARTED = datetime(2026, 11, 23, 3, 15, 7, tzinfo=UTC)
GOOD = json.dumps([{"title": f"Title {number}", "angle": f"Angle {number}."} for number in range(1, 6)])


def titled(*titles: str) -> str:
    """An answer with these titles."""
    return json.dumps([{"title": title, "angle": "An angle."} for title in titles])


def site(site_id: str, **fields: Any) -> Site:
    return Site.model_validate({"site_id": site_id, "domain": f"{site_id}.example"} | fields)


def plan_task(execution_id: str, name: str = "by-hand", given: object = None) -> PlanTask:
    """What PlanRun sends."""
    return PlanTask(
        execution_id=execution_id, execution_name=name, started_at=STARTED, input={} if given is None else given
    )


def plan(
    *sites: str | Site,
    run_id: str = "night",
    mode: Literal["collect", "redrive"] = "collect",
    simulated: bool = False,
    overrides: dict[str, Any] | None = None,
    of_redrive: dict[str, Any] | None = None,
    **configuration: Any,
) -> Plan:
    return draft(
        run_id,
        mode,
        [entry if isinstance(entry, Site) else site(entry) for entry in sites],
        RunConfiguration.model_validate(configuration),
        plan_task(f"arn:aws:states:eu-central-1:123456789012:execution:nightly:{run_id}"),
        simulated=simulated,
        overrides=overrides or {},
        profile=Profile(),
        **of_redrive or {},
    )


def wave(
    planned: Plan, number: int = 1, *, round_: int = 1, first: int = 0, sites: int | None = None, **fields: Any
) -> Pace:
    """The decision about one wave: over all of the plan's sites, unless `sites` are fewer."""
    began = len(planned.sites) - first if sites is None else sites
    return Pace.model_validate(
        {
            "run_id": planned.run_id,
            "round": round_,
            "wave": number,
            "decided_at": STARTED,
            "first": first,
            "sites": began,
            "left": len(planned.sites) - first - began,
            "max_concurrency": 4,
            "why": "a start with 4",
        }
        | fields
    )


def answer(text: str = GOOD, **fields: Any) -> Answer:
    return Answer.model_validate(
        {
            "text": text,
            "stop_reason": "end_turn",
            "input_tokens": 210,
            "output_tokens": 190,
            "model": "claude-sonnet-5-5",
            "request_id": "req_011CVexample",
            "latency_ms": 3_104,
            "rate_limits": {"anthropic-ratelimit-requests-remaining": "996"},
        }
        | fields
    )


def answered(run_id: str, site_id: str, text: str = GOOD, round_: int = 1, **fields: Any) -> Outcome:
    return Outcome(
        run_id=run_id, round=round_, site_id=site_id, outcome="answered", answer=answer(text, **fields), failure=None
    )


def failed(
    run_id: str, site_id: str, caught: object, round_: int = 1, reason: Literal["network", "unknown"] = "network"
) -> Outcome:
    """As NetworkFailure and UnknownFailure leave it."""
    return Outcome.model_validate(
        {
            "run_id": run_id,
            "round": round_,
            "site_id": site_id,
            "outcome": "failed",
            "answer": None,
            "failure": {"reason": reason, "caught": caught},
        }
    )


def raised(name: str, message: str) -> dict[str, str]:
    """What Step Functions catches when a function raised."""
    cause = {"errorMessage": message, "errorType": name, "requestId": "0", "stackTrace": ["  File …"]}
    return {"Error": name, "Cause": json.dumps(cause)}


def miss(
    site_: str | Site, *, run_id: str = "night", age_days: int = 0, reason: Reason = "network", **fields: Any
) -> Miss:
    return Miss.model_validate(
        {
            "run_id": run_id,
            "site": site_ if isinstance(site_, Site) else site(site_),
            "reason": reason,
            "error": "Overloaded",
            "message": "attempt 3: 529 overloaded_error: Overloaded",
            "raw_answer": None,
            "raw_answer_key": None,
            "missed_at": STARTED - timedelta(days=age_days),
        }
        | fields
    )
