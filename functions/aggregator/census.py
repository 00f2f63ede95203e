"""The count of a run: planned = accepted + missed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from aggregator.judge import Verdict
from nightfold.budget import cost_usd
from nightfold.contract import MissedByReason, Plan, SiteSummary, Summary, Tokens, WaveSummary
from nightfold.misses import Settled
from nightfold.observability import count, log_step
from nightfold.waves import Pace


def summarize(
    plan: Plan, rounds: Sequence[Mapping[str, Verdict]], paces: Sequence[Pace], *, dead: bool = False
) -> Summary:
    """The census over all rounds; a site's verdict is that of its last round. A run that is `dead` ended with the last
    branch that it stored, however much later it is closed."""
    last = {**rounds[0], **rounds[1]} if len(rounds) > 1 else dict(rounds[0])
    all_calls = [verdict for of_round in rounds for verdict in of_round.values()]
    missed = [verdict.reason for verdict in last.values() if not verdict.accepted]
    tokens = Tokens(
        input=sum(verdict.input_tokens for verdict in all_calls),
        output=sum(verdict.output_tokens for verdict in all_calls),
    )
    accepted = len(last) - len(missed)
    regenerated = len(rounds[1]) if len(rounds) > 1 else 0
    now = datetime.now(UTC)
    ends = [verdict.ended_at for verdict in all_calls if verdict.ended_at is not None]
    ended = min(max(ends, default=plan.started_at), now) if dead else now
    return Summary(
        run_id=plan.run_id,
        mode=plan.mode,
        status="complete" if not missed else "partial" if accepted else "failed",
        question=plan.configuration.question,
        planned=len(plan.sites),
        accepted=accepted,
        missed=MissedByReason(
            network=missed.count("network"), schema_=missed.count("schema"), unknown=missed.count("unknown")
        ),
        not_attempted=sum(not verdict.attempted for verdict in last.values()),
        regenerated=regenerated,
        model_calls=sum(verdict.model_calls for verdict in all_calls),
        rate_limited=sum(verdict.rate_limited for verdict in all_calls),
        tokens=tokens,
        cost_usd=cost_usd(plan.configuration.model, tokens.input, tokens.output),
        started_at=plan.started_at,
        duration_s=round(max((ended - plan.started_at).total_seconds(), 0.0), 3),  # a clock may be set back
        simulated=plan.simulated,
        waves=[
            WaveSummary(
                round=pace.round, wave=pace.wave, sites=pace.sites, max_concurrency=pace.max_concurrency, why=pace.why
            )
            for pace in paces
            if pace.listed
        ],
        sites=[
            SiteSummary(
                site_id=verdict.site_id,
                accepted=verdict.accepted,
                entries=verdict.entries,
                question=plan.questions.get(verdict.site_id),
                reason=verdict.reason,
                error=verdict.error,
                rounds=sum(verdict.site_id in of_round for of_round in rounds),
            )
            for verdict in last.values()
        ],
        unreadable_memories=[verdict.site_id for verdict in last.values() if not verdict.memory_readable],
        settled=[Settled(site_id=site.site_id, accepted_in=site.accepted_in) for site in plan.settled],
        unlisted=[site.miss.site.site_id for site in plan.unlisted],
    )


def announce(summary: Summary) -> None:
    """Writes one log line and one blob of metrics for a closed run."""
    log_step(
        "aggregate",
        run_id=summary.run_id,
        status=summary.status,
        planned=summary.planned,
        accepted=summary.accepted,
        missed_network=summary.missed.network,
        missed_schema=summary.missed.schema_,
        missed_unknown=summary.missed.unknown,
        not_attempted=summary.not_attempted,
        regenerated=summary.regenerated,
        model_calls=summary.model_calls,
        rate_limited=summary.rate_limited,
        input_tokens=summary.tokens.input,
        output_tokens=summary.tokens.output,
        cost_usd=summary.cost_usd,
        simulated=summary.simulated,
        duration_s=summary.duration_s,
    )
    count(
        **({"NightsFinished": 1} if summary.mode == "collect" else {}),  # the alarm NoNight rings without it
        Accepted=summary.accepted,
        MissedNetwork=summary.missed.network,
        MissedSchema=summary.missed.schema_,
        MissedUnknown=summary.missed.unknown,
        NotAttempted=summary.not_attempted,
        InputTokens=summary.tokens.input,
        OutputTokens=summary.tokens.output,
        CostUSD=0.0 if summary.simulated else summary.cost_usd or 0.0,
        DurationSeconds=summary.duration_s,
    )
