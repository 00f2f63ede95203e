"""What PaceRun leaves behind: what a wave saw, what was decided about the next one, and what the account carries.

`…/wave-<k>/pace.json` is a `Pace`, `config/pace.json` a `Profile`. Rates are per minute, as in the headers.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError

from nightfold.errors import Reason
from nightfold.observability import log_step
from nightfold.sites import Round, RunId, Shape
from nightfold.storage import Bucket, pace_key

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


def read_paces(bucket: Bucket, run_id: str, round_: int) -> list[Pace]:
    """The decisions of a round, in their order. The first one that is missing or cannot be read ends them."""
    paces: list[Pace] = []
    while (document := bucket.get(pace_key(run_id, round_, len(paces) + 1))) is not None:
        try:
            paces.append(Pace.model_validate_json(document))
        except ValidationError:
            log_step("pace", run_id=run_id, round=round_, wave=len(paces) + 1, error="UnreadablePace")
            break
    return paces
