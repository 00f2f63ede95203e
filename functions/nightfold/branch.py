"""One branch of a run: what the collector is given for a site, and how that ended."""

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field

from nightfold.settings import RunConfiguration
from nightfold.sites import Domain, MaxTokens, Round, RunId, Shape, Site, SiteId


class SiteTask(Shape):
    """The collector's event: one item of `items.json`, whole in itself."""

    schema_version: Literal[1] = 1
    run_id: RunId
    round: Round
    site_id: SiteId
    domain: Domain
    brief: str | None = None
    candidates: Annotated[int, Field(ge=1, le=20)]  # how many to ask for
    model: str
    max_tokens: MaxTokens
    request_timeout_s: Annotated[int, Field(ge=1, le=600)]
    violation: str | None = None  # round 2: what was wrong with the last answer

    @classmethod
    def for_site(
        cls,
        site: Site,
        run_id: str,
        round_: int,
        configuration: RunConfiguration,
        tokens: int,
        violation: str | None = None,
    ) -> Self:
        """The task of one branch whose share of the budget is `tokens`; a site's own max_tokens may only lower it."""
        return cls(
            run_id=run_id,
            round=round_,
            site_id=site.site_id,
            domain=site.domain,
            brief=site.brief,
            candidates=configuration.candidates_per_site,
            model=configuration.model,
            max_tokens=min(tokens, site.max_tokens or tokens),
            request_timeout_s=configuration.request_timeout_s,
            violation=violation,
        )


class CollectorEvent(Shape):
    """What CollectSite sends: the task, how often this branch has been retried ($$.State.RetryCount), and since when
    the branch runs."""

    task: SiteTask
    attempt: Annotated[int, Field(ge=0)] = 0
    started_at: AwareDatetime | None = None


class Answer(Shape):
    """The raw text that Claude returned for one site, and what the call cost."""

    text: str
    stop_reason: str | None
    input_tokens: int
    output_tokens: int
    model: str
    request_id: str | None
    latency_ms: int
    rate_limits: dict[str, str]  # the response's `retry-after` and `anthropic-ratelimit-*` headers
    attempt: int = 1
    # Of the same branch, as far as this environment saw them; a call is its seconds since the branch began.
    earlier_errors: list[str] = Field(default_factory=list)
    calls: list[tuple[float, float]] = Field(default_factory=list)


class Failure(Shape):
    """How a branch failed: the bucket that the state machine chose, and the error output as it caught it."""

    reason: Literal["network", "unknown"]
    caught: Any


class Outcome(Shape):
    """How one branch ended. Success and failure leave the same keys."""

    schema_version: Literal[1] = 1
    run_id: RunId
    round: Round
    site_id: SiteId
    outcome: Literal["answered", "failed"]
    answer: Answer | None
    failure: Failure | None
    started_at: AwareDatetime | None = None  # of the branch, before its first call; earlier records have no times
    ended_at: AwareDatetime | None = None  # when its last call had ended
