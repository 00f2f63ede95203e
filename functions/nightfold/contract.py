"""The shapes that pass between the functions, the state machine and S3.

Everything is frozen and bounded. Times are timezone-aware and in UTC, durations carry their unit in the name,
tokens are Anthropic's. The shapes of a site and of a branch have their own modules.
"""

from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from nightfold.errors import Reason
from nightfold.settings import RunConfiguration
from nightfold.sites import Round, RunId, Shape, Site, SiteId

MAX_ATTEMPTS = 3  # runs that ask for a site without success; then its miss is parked for the operator


class WaitingMessage(Shape):
    """A message of the miss queue that a redrive has received and not yet acknowledged."""

    message_id: str
    receipt_handle: str
    run_id: RunId | None = None  # the run that missed the site; plans of earlier versions do not have it


class UnrecognizedMessage(WaitingMessage):
    """A message in the miss queue that is not a miss; the aggregator parks it with the explanation."""

    body: str
    explanation: str


class Settled(Shape):
    """A site that was accepted after its miss, so that the miss is only acknowledged."""

    site_id: SiteId
    accepted_in: RunId


class SettledSite(Settled):
    """A settled site, with the messages of its misses."""

    messages: list[WaitingMessage]


class Miss(Shape):
    """A site without accepted candidates, as it waits in the queue: everything that a redrive needs."""

    schema_version: Literal[1] = 1
    run_id: RunId
    site: Site
    reason: Reason
    error: str
    message: str
    raw_answer: str | None  # trimmed to fit
    raw_answer_key: str | None  # the S3 key of the outcome that holds the whole answer
    missed_at: AwareDatetime
    attempts: Annotated[int, Field(ge=0, le=1_000)] = 0  # how many runs really asked for the site
    overrides: dict[str, Any] = Field(default_factory=dict)  # of the configuration, what its run was started with
    simulated: bool = False  # whether its run used the simulated Messages API

    @property
    def worn_out(self) -> bool:
        """Whether it is parked, so that no redrive asks again."""
        return self.attempts >= MAX_ATTEMPTS


class UnlistedSite(Shape):
    """A site that is no longer in the site list: its newest miss is parked."""

    miss: Miss
    messages: list[WaitingMessage]


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
    warning: str | None = None  # where not all sites would be asked in time: what would do


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
    attempts: dict[str, int] = Field(default_factory=dict)
    # The messages of sites that are not asked, and those that are not misses:
    settled: list[SettledSite] = Field(default_factory=list)
    unlisted: list[UnlistedSite] = Field(default_factory=list)
    unrecognized: list[UnrecognizedMessage] = Field(default_factory=list)

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
    candidates: int
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
    settled: list[Settled] = Field(default_factory=list)  # redrive: acknowledged, and not asked again
    unlisted: list[SiteId] = Field(default_factory=list)  # redrive: no longer in the site list, and parked
