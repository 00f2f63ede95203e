"""One branch of a run: what the collector is given for a site, and how that ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, TypeAdapter

from nightfold.question import Question
from nightfold.settings import RunConfiguration
from nightfold.sites import Domain, Facts, MaxTokens, Round, RunId, Shape, Site, SiteId
from nightfold.text import one_line


class SiteTask(Shape):
    """The collector's event: one item of `items.json`, whole in itself."""

    schema_version: Literal[1] = 1
    run_id: RunId
    round: Round
    site_id: SiteId
    domain: Domain
    brief: str | None = None
    facts: Facts = Field(default_factory=dict)
    question: str
    entries: Annotated[int, Field(ge=1, le=20)]  # how many to ask for
    earlier: list[str] = Field(default_factory=list)  # headings that were accepted before, newest first
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
        question: Question,
        earlier: Sequence[str] = (),
        violation: str | None = None,
    ) -> Self:
        """The task of one branch whose share of the budget is `tokens`; a site's own max_tokens may only lower it."""
        return cls(
            run_id=run_id,
            round=round_,
            site_id=site.site_id,
            domain=site.domain,
            brief=site.brief,
            facts=site.facts,
            question=question.name,
            entries=configuration.entries or question.entries,
            earlier=list(earlier),
            model=configuration.model,
            max_tokens=min(tokens, site.max_tokens or tokens),
            request_timeout_s=configuration.request_timeout_s,
            violation=violation,
        )

    @property
    def given(self) -> dict[str, str]:
        """What the names in the question's prompt stand for, but for facts that the site lacks."""
        return {
            **self.facts,
            "site_id": self.site_id,
            "domain": self.domain,
            "entries": str(self.entries),
            "brief": f"About the site: {self.brief}" if self.brief else "",
            "earlier": "\n".join(f"- {heading}" for heading in self.earlier),
            "violation": self.violation or "",
        }


SiteTasks: TypeAdapter[list[SiteTask]] = TypeAdapter(list[SiteTask])
"""`items.json` of a round or a wave."""


class CollectorEvent(Shape):
    """What CollectSite sends: the task, how often this branch has been retried ($$.State.RetryCount), and when the
    branch started."""

    task: SiteTask
    attempt: Annotated[int, Field(ge=0)] = 0
    started_at: AwareDatetime | None = None


COUNT_LIMIT = 10**9  # tokens, milliseconds; far above any real figure, and small enough for arithmetic
NAME_LIMIT = 128  # characters of a name that a server sends


def _count(value: object) -> int:
    """A number that a server sent, between 0 and COUNT_LIMIT; 0 if it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return 0
    return int(min(max(value, 0), COUNT_LIMIT))


def _name(value: object) -> str | None:
    return None if value is None else one_line(str(value)[: NAME_LIMIT * 4], NAME_LIMIT)


def _names(value: object) -> list[str]:
    return [_name(each) or "" for each in value[:CALLS_KEPT]] if isinstance(value, list) else []


def _headers(value: object) -> dict[str, str]:
    given = list(value.items())[:HEADERS] if isinstance(value, dict) else []
    return {_name(name) or "": _name(header) or "" for name, header in given}


Count = Annotated[int, BeforeValidator(_count)]
Name = Annotated[str, BeforeValidator(lambda value: _name(value) or "")]
CALLS_KEPT = 20  # of one branch in one round; the state machine makes nine
HEADERS = 20
Seconds = Annotated[float, Field(ge=0, le=COUNT_LIMIT / 1_000, allow_inf_nan=False)]


class Answer(Shape):
    """The raw text that Claude returned for one site, and what the call cost. Whatever a server or a
    stored file holds, the figures are numbers that can be added, and the names are short lines."""

    text: str
    stop_reason: Annotated[str | None, BeforeValidator(_name)]
    input_tokens: Count
    output_tokens: Count
    model: Name
    request_id: Annotated[str | None, BeforeValidator(_name)]
    latency_ms: Count
    # The response's `retry-after` and `anthropic-ratelimit-*`.
    rate_limits: Annotated[dict[str, str], BeforeValidator(_headers)]
    attempt: Count = 1
    # Those of the same branch that this environment saw; a call is its start and end in seconds since the branch began.
    earlier_errors: Annotated[list[str], BeforeValidator(_names)] = Field(default_factory=list)
    calls: Annotated[list[tuple[Seconds, Seconds]], Field(max_length=CALLS_KEPT)] = Field(default_factory=list)


class Failure(Shape):
    """How a branch failed: the bucket that the state machine chose, and the error output as it caught it."""

    reason: Literal["network", "unknown"]
    caught: Any


def _plausible(moment: datetime | None) -> datetime | None:
    """Only a year that can be calculated with: what a collector wrote is data."""
    return moment if moment is not None and 2000 <= moment.year < 2200 else None


Moment = Annotated[AwareDatetime | None, AfterValidator(_plausible)]


class Outcome(Shape):
    """How one branch ended. Success and failure leave the same keys."""

    schema_version: Literal[1] = 1
    run_id: RunId
    round: Round
    site_id: SiteId
    question: str | None = None
    outcome: Literal["answered", "failed"]
    answer: Answer | None
    failure: Failure | None
    started_at: Moment = None  # of the branch, before its first call; earlier records have no times
    ended_at: Moment = None  # when its last call had ended
