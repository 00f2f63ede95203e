"""A site without accepted entries, and the messages of the queues that tell of it."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from nightfold.errors import Reason
from nightfold.question import DEFAULT
from nightfold.sites import RunId, Shape, Site, SiteId

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
    """A site without accepted entries, as it waits in the queue: everything that a redrive needs."""

    schema_version: Literal[1] = 1
    run_id: RunId
    site: Site
    question: str = DEFAULT
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
    """A site that can no longer be asked: its newest miss is parked, with the explanation."""

    explanation: str = "no longer in the site list"
    miss: Miss
    messages: list[WaitingMessage]

    @property
    def parked(self) -> Miss:
        """The miss as it is parked."""
        why = f"{self.explanation}, so it was not asked again; before: "
        return self.miss.model_copy(update={"message": f"{why}{self.miss.message.removeprefix(why)}"})
