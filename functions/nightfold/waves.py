"""What PaceRun leaves behind: what a wave saw, what was decided about the next one, and what the account carries.

`…/wave-<k>/pace.json` is a `Pace`, `config/pace.json` a `Profile`. Rates are per minute, as in the headers. The numbers
that a run begins with are here too: PaceRun follows them, and PlanRun expects the run's time by them.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AwareDatetime, Field, ValidationError

from nightfold.errors import Reason
from nightfold.observability import log_step
from nightfold.sites import Round, RunId, Shape
from nightfold.storage import PROFILE_KEY, Source, pace_key

RUN_S = 21_600  # the state machine's TimeoutSeconds
RESERVE_S = 1_500  # for an aggregation that is tried twice, and the digest
START = 4  # branches at once in the first wave of `auto`
OF_LAST_TIME = 0.8  # of what an earlier run found, until this night has had an answer
CANARY = 4  # sites of a run's first wave: what goes wrong for all of them is found out by few
KNOWN_CANARY = 2  # where an earlier run went well
ONE_WAVE = 8  # so many sites are not worth a canary
BELIEVED = timedelta(days=14)  # what an earlier run found

Family = Literal["requests", "input-tokens", "output-tokens"]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]


class Limit(Shape):
    """One of the account's limits, as the headers of a wave's answers showed it."""

    per_minute: Amount
    lowest: Share  # the smallest `remaining` of the wave
    last: Share  # the newest
    free: Amount | None = None  # what others left of it, per minute, at least; None where too few answers tell


class Seen(Shape):
    """What one wave saw. Sums are over its answers."""

    outcomes: Count = 0  # branches that left one
    answered: Count = 0
    failed: dict[str, Count] = Field(default_factory=dict)  # branches by the error that ended them
    same_message: str | None = None  # of all failed branches, where it is one and the same
    rate_limited: Count = 0  # 429s, those that a retry healed included
    strained: Count = 0  # branches that met an overload, a timeout or a connection error
    latency_s: Amount = 0
    held_s: Amount = 0  # what all branches together held their slots
    input_tokens: Count = 0
    output_tokens: Count = 0
    limits: dict[Family, Limit] = Field(default_factory=dict)


class Stop(Shape):
    """Why no further wave begins, although sites are left."""

    reason: Reason
    message: str  # a sentence: what happened, and what to do


class Carried(Shape):
    """What a run found about one model: a later run starts from it."""

    max_concurrency: Annotated[int, Field(ge=1)]
    limited: bool = True  # whether the account allowed no more; otherwise the run had too few sites to tell
    latency_s: Amount  # mean
    held_s: Amount  # mean seconds of a slot for one answer
    input_tokens: Amount
    output_tokens: Amount
    run_id: RunId
    found_at: AwareDatetime


class Pace(Shape):
    """`pace.json`: the decision before one wave. `sites` 0 is the end of the round."""

    schema_version: Literal[1] = 1
    run_id: RunId
    round: Round
    wave: Annotated[int, Field(ge=1)]
    decided_at: AwareDatetime
    first: Count  # of the round's items, the wave's first one
    sites: Count
    left: Count  # items of the round that no wave has begun after this one
    max_concurrency: Annotated[int, Field(ge=1)]
    why: str
    stop: Stop | None = None
    seen: Seen | None = None  # of the wave before
    spent_usd: Amount | None = None  # by the answers so far; None where the model's price is not known
    carried: Carried | None = None  # in a run's first decision: what it started from

    @property
    def listed(self) -> bool:
        """Whether census and page list it: a wave, or why none follows. That no sites are left is no news."""
        return bool(self.sites) or self.stop is not None


class Profile(Shape):
    """`config/pace.json`: by model."""

    schema_version: Literal[1] = 1
    models: dict[str, Carried] = Field(default_factory=dict)
    simulated: dict[str, Carried] = Field(default_factory=dict)  # the same, by simulated runs

    def of(self, *, simulated: bool) -> dict[str, Carried]:
        return self.simulated if simulated else self.models


def read_profile(document: bytes | None) -> Profile:
    """`config/pace.json`; an empty one if there is none that can be read."""
    try:
        return Profile.model_validate_json(document or b"{}")
    except ValidationError:
        return Profile()


def noted(source: Source) -> Profile:
    """What earlier runs noted; nothing if it cannot be read."""
    try:
        return read_profile(source.get(PROFILE_KEY))
    except (BotoCoreError, ClientError):
        return Profile()


def believed(profile: Profile, model: str, now: datetime, *, simulated: bool) -> Carried | None:
    """What an earlier run found about `model`, unless it is too old."""
    carried = profile.of(simulated=simulated).get(model)
    return carried if carried is not None and now - carried.found_at <= BELIEVED else None


def read_paces(source: Source, run_id: str, round_: int) -> list[Pace]:
    """The decisions of a round, in their order. The first one that is missing or cannot be read ends them."""
    paces: list[Pace] = []
    while (document := source.get(pace_key(run_id, round_, len(paces) + 1))) is not None:
        try:
            paces.append(Pace.model_validate_json(document))
        except ValidationError:
            log_step("pace", run_id=run_id, round=round_, wave=len(paces) + 1, error="UnreadablePace")
            break
    return paces
