"""The shapes that pass between the functions, the state machine and S3.

Everything is frozen and bounded. Times are timezone-aware and in UTC, durations carry their unit in the name,
tokens are Anthropic's. The shapes of a site, a branch, a wave and a miss have their own modules.
"""

from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from nightfold.errors import Reason
from nightfold.misses import Settled, SettledSite, UnlistedSite, UnrecognizedMessage, WaitingMessage
from nightfold.question import DEFAULT
from nightfold.settings import RunConfiguration
from nightfold.sites import Round, RunId, Shape, Site, SiteId


class WorstCase(Shape):
    """The most that a run can cost: every branch tried three times in both rounds, every answer cut at its limit."""

    model_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None  # None: the model's price is not known


class Expected(Shape):
    """What a run without trouble takes, by what an earlier run measured or by assumptions."""

    minutes: float
    cost_usd: float | None
    basis: str  # where the seconds and tokens of an answer are from
    warning: str | None = None  # where time or ceiling do not allow all sites: what would


class Plan(Shape):
    """`plan.json`: the claim of a run, and what it is going to do."""

    schema_version: Literal[1] = 1
    run_id: RunId
    mode: Literal["collect", "redrive"]
    execution_id: str  # the state machine execution that claimed the run
    started_at: AwareDatetime
    configuration: RunConfiguration
    sites: list[Site]
    worst_case: WorstCase
    expected: Expected | None = None  # None: of an earlier version
    simulated: bool = False  # whether the Messages API is the simulated one, from the template
    overrides: dict[str, Any] = Field(default_factory=dict)  # fields of the configuration, for this run alone
    # The rest is a redrive's. The messages of each site that is asked, and how often it was asked before:
    messages: dict[str, list[WaitingMessage]] = Field(default_factory=dict)
    questions: dict[str, str] = Field(default_factory=dict)  # of each site; a morning asks each miss its own question
    attempts: dict[str, int] = Field(default_factory=dict)
    # The messages of sites that are not asked, and those that are not misses:
    settled: list[SettledSite] = Field(default_factory=list)
    unlisted: list[UnlistedSite] = Field(default_factory=list)
    unrecognized: list[UnrecognizedMessage] = Field(default_factory=list)

    def question_of(self, site_id: str) -> str:
        """The name of the question that a site is asked."""
        return self.questions.get(site_id, self.configuration.question)

    @property
    def received(self) -> list[WaitingMessage]:
        """Every message that the run received from the queue."""
        settled, unlisted = ([site.messages for site in sites] for sites in (self.settled, self.unlisted))
        return [*chain(*self.messages.values(), *settled, *unlisted), *self.unrecognized]


class RunState(Shape):
    """What travels through the state machine: references and counts, never texts."""

    run_id: RunId
    round: Round = 1
    mode: Literal["collect", "redrive"] = "collect"
    status: Literal[
        "planned", "nothing", "dead_run", "wave", "round_over", "regenerate", "complete", "partial", "failed"
    ]
    planned: int = 0
    accepted: int = 0
    missed: int = 0
    wave: int = 0  # of this round, the last one that has begun
    items_key: str = ""  # of that wave
    max_concurrency: int = 1


class SiteSummary(Shape):
    """How one site ended."""

    site_id: SiteId
    accepted: bool
    entries: int
    question: str | None = None  # where it is not the run's own
    reason: Reason | None
    error: str | None
    rounds: int


class WaveSummary(Shape):
    """One wave; without sites: why no further one began although some were left."""

    round: Round
    wave: int
    sites: int
    max_concurrency: int
    why: str


class MissedByReason(Shape):
    """The misses of a run in their three buckets."""

    network: int = 0
    schema_: Annotated[int, Field(alias="schema")] = 0
    unknown: int = 0

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Tokens(Shape):
    """Tokens of all stored answers, the rejected ones included."""

    input: int
    output: int


class Summary(Shape):
    """The census of a run, and its cost. `planned` = accepted + missed, always."""

    schema_version: Literal[1] = 1
    run_id: RunId
    mode: Literal["collect", "redrive"]
    status: Literal["complete", "partial", "failed"]
    question: str = DEFAULT
    planned: int
    accepted: int
    missed: MissedByReason
    not_attempted: int = 0  # of the missed: no wave began for them
    regenerated: int
    model_calls: int
    rate_limited: int
    tokens: Tokens
    cost_usd: float | None
    started_at: AwareDatetime
    duration_s: float
    simulated: bool = False  # then `cost_usd` is what real answers would have cost
    waves: list[WaveSummary] = Field(default_factory=list)
    sites: list[SiteSummary]
    unreadable_memories: list[SiteId] = Field(
        default_factory=list
    )  # so these sites may have been offered known entries
    settled: list[Settled] = Field(default_factory=list)  # redrive: acknowledged, and not asked again
    unlisted: list[SiteId] = Field(default_factory=list)  # redrive: can no longer be asked, and parked
